import json

import keras
import numpy as np
import pytest

from keras_transfer.transferability.negative_transfer_gap import (
    gap_of_wrong_rows,
)
from keras_transfer.transferability.negative_transfer_gap import (
    negative_transfer_gap,
)


def _labels(generator, rows=200):
    return generator.integers(3, size=rows)


def _with_errors(labels, rows):
    """The labels, wrong in some rows."""
    found = labels.copy()
    found[rows] = (found[rows] + 1) % 3
    return found


def test_it_is_the_difference_of_the_errors(generator):
    y = _labels(generator)
    adapted = _with_errors(y, np.arange(50))
    reference = _with_errors(y, np.arange(40, 60))
    result = negative_transfer_gap(adapted, reference, None, y)
    assert result.adapted_error == pytest.approx(0.25)
    assert result.reference_error == pytest.approx(0.1)
    assert result.gap == pytest.approx(0.15)
    assert result.rows == 200
    assert result.is_negative_transfer
    swapped = negative_transfer_gap(reference, adapted, None, y)
    assert swapped.gap == pytest.approx(-0.15)
    assert not swapped.is_negative_transfer


def test_the_interval_is_that_of_resampled_rows(generator):
    """The same as drawing rows, pair by pair, with replacement."""
    adapted = (generator.uniform(size=150) < 0.4).astype(float)
    reference = np.where(generator.uniform(size=150) < 0.8, adapted, 0.0)
    result = gap_of_wrong_rows(adapted, reference)
    drawn = generator.integers(150, size=(10_000, 150))
    gaps = (adapted - reference)[drawn].mean(axis=1)
    expected = np.quantile(gaps, (0.025, 0.975))
    np.testing.assert_allclose(result.interval, expected, atol=0.01)


def test_pairing_makes_the_interval_narrower(generator):
    y = _labels(generator)
    same = _with_errors(y, np.arange(60))
    other = _with_errors(y, np.arange(60, 120))
    paired = negative_transfer_gap(same, _with_errors(y, np.arange(55)), 0, y)
    apart = negative_transfer_gap(other, _with_errors(y, np.arange(55)), 0, y)
    assert paired.gap == apart.gap
    width = paired.interval[1] - paired.interval[0]
    assert width < 0.5 * (apart.interval[1] - apart.interval[0])


def test_models_that_agree_have_no_gap(generator):
    y = _labels(generator)
    result = negative_transfer_gap(y, y, None, y)
    assert (result.gap, result.interval) == (0.0, (0.0, 0.0))
    assert not result.is_negative_transfer


def test_models_are_run(generator):
    x = generator.normal(size=(40, 3)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    y = model.predict(x, verbose=0).argmax(axis=1)
    result = negative_transfer_gap(lambda x: -model(x), model, x, y)
    assert result.reference_error == 0.0
    assert result.adapted_error == 1.0


def test_a_seed_repeats(generator):
    y = _labels(generator)
    adapted = _with_errors(y, np.arange(9))
    first = negative_transfer_gap(adapted, y, None, y, num_resamples=50)
    assert first == negative_transfer_gap(adapted, y, None, y, num_resamples=50)
    other = negative_transfer_gap(adapted, y, None, y, num_resamples=50, seed=1)
    assert first.interval != other.interval


def test_the_result_is_readable_and_json(generator):
    y = _labels(generator)
    worse = negative_transfer_gap(_with_errors(y, np.arange(99)), y, None, y)
    better = negative_transfer_gap(y, _with_errors(y, np.arange(99)), None, y)
    even = negative_transfer_gap(y, y, None, y)
    assert str(worse).startswith("negative transfer: error 0.495 against 0.000")
    assert str(better).startswith("positive transfer: error 0.000")
    assert str(even).startswith("no clear difference")
    assert json.loads(json.dumps(worse.to_dict()))["gap"] == 0.495


def test_wrong_arguments_are_refused(generator):
    y = _labels(generator)
    with pytest.raises(ValueError, match="`num_resamples`"):
        negative_transfer_gap(y, y, None, y, num_resamples=0)
    with pytest.raises(ValueError, match="`y` has 200 rows .* 199"):
        negative_transfer_gap(y[:-1], y, None, y)
    with pytest.raises(ValueError, match="`reference`.*class numbers"):
        negative_transfer_gap(y, np.zeros((200, 1)), None, y)
