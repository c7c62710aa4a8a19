import keras
import numpy as np
import pytest

from keras_transfer import schedules

pytestmark = pytest.mark.any_backend


def test_annealed_learning_rate_equals_the_paper():
    """mu_p = mu_0 / (1 + alpha p)^beta, with the paper's constants."""
    rate = schedules.AnnealedLearningRate(0.01, total_steps=200)
    steps = np.array([0, 1, 50, 199, 200, 400])
    expected = 0.01 / (1 + 10 * steps / 200) ** 0.75
    values = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_decay_and_power_are_used():
    rate = schedules.AnnealedLearningRate(1.0, 10, decay=3.0, power=2.0)
    assert float(rate(10)) == pytest.approx(1 / 16)


def test_optimizer_follows_it():
    rate = schedules.AnnealedLearningRate(0.5, total_steps=4)
    optimizer = keras.optimizers.SGD(rate)
    variable = keras.Variable([1.0])
    optimizer.build([variable])
    for step in range(3):
        before = float(variable[0])
        optimizer.apply([keras.ops.ones((1,))])
        moved = before - float(variable[0])
        assert moved == pytest.approx(float(rate(step)), rel=1e-5)


@pytest.mark.parametrize("total_steps", [None, 0, -3])
def test_the_number_of_steps_must_be_given(total_steps):
    with pytest.raises(
        ValueError, match="`total_steps`.*the number of training steps"
    ):
        schedules.AnnealedLearningRate(0.01, total_steps=total_steps)
