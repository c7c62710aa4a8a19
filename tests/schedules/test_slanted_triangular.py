"""ULMFiT's learning rate: formula, ends, and what is refused."""

import math

import keras
import numpy as np
import pytest

from keras_transfer.schedules.slanted_triangular import SlantedTriangular
from tests import helpers

pytestmark = pytest.mark.any_backend


def numpy_rate(step, highest, steps, cut_fraction, ratio):
    """Equation 3 of the paper, as it is printed."""
    cut = math.floor(steps * cut_fraction)
    if step < cut:
        p = step / cut
    else:
        p = 1 - (step - cut) / (cut * (1 / cut_fraction - 1))
    return highest * (1 + p * (ratio - 1)) / ratio


@pytest.mark.parametrize(
    ("steps", "cut_fraction", "ratio"),
    [(100, 0.1, 32), (70, 0.3, 5.0), (20, 0.5, 2)],
)
def test_rate_equals_the_printed_formula(steps, cut_fraction, ratio):
    rate = SlantedTriangular(0.02, steps, cut_fraction, ratio)
    now = [float(rate(step)) for step in range(steps + 1)]
    expected = [
        numpy_rate(step, 0.02, steps, cut_fraction, ratio)
        for step in range(steps + 1)
    ]
    np.testing.assert_allclose(now, expected, rtol=1e-5)
    assert np.argmax(now) == math.floor(steps * cut_fraction)
    np.testing.assert_allclose(max(now), 0.02, rtol=1e-6)
    np.testing.assert_allclose([now[0], now[-1]], 0.02 / ratio, rtol=1e-4)


def test_rate_stays_low_after_the_last_step():
    rate = SlantedTriangular(0.02, total_steps=25)
    values = [float(rate(step)) for step in (25, 26, 1000)]
    np.testing.assert_allclose(values, 0.02 / 32, rtol=1e-5)


def test_all_rates_grow_with_the_highest():
    low, high = (SlantedTriangular(rate, 40) for rate in (0.01, 0.03))
    for step in (0, 3, 4, 20, 40):
        np.testing.assert_allclose(
            float(high(step)), 3 * float(low(step)), rtol=1e-5
        )


def test_compiled_rate_equals_eager():
    rate = SlantedTriangular(0.02, total_steps=30)
    for step in (1, 3, 17):
        step = keras.ops.convert_to_tensor(step)
        np.testing.assert_allclose(
            helpers.to_numpy(helpers.compiled(rate)(step)),
            float(rate(step)),
            rtol=1e-6,
        )


def test_config_round_trip():
    rate = SlantedTriangular(0.02, 30, 0.2, 8, name="other")
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(rate)
    )
    assert copy.get_config() == rate.get_config()
    assert copy.cut_fraction == 0.2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"total_steps": None}, "total_steps"),
        ({"total_steps": 0}, "total_steps"),
        ({"total_steps": 100, "cut_fraction": 1.0}, "cut_fraction"),
        ({"total_steps": 5, "cut_fraction": 0.1}, "cut_fraction"),
        ({"total_steps": 100, "ratio": 0.5}, "ratio"),
    ],
    ids=["no_steps", "zero_steps", "all_rise", "none_rises", "ratio"],
)
def test_wrong_arguments_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        SlantedTriangular(0.01, **arguments)
