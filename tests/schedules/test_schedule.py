import keras
import numpy as np
import pytest

from keras_transfer import schedules
from tests import helpers

pytestmark = pytest.mark.any_backend

PROGRESS = np.linspace(0, 1, 11)


@pytest.mark.parametrize("maximum", [1.0, 0.1])
@pytest.mark.parametrize("sharpness", [10.0, 4.0])
def test_sigmoid_ramp_equals_the_paper(maximum, sharpness):
    expected = maximum * (2 / (1 + np.exp(-sharpness * PROGRESS)) - 1)
    schedule = schedules.SigmoidRamp(maximum, sharpness)
    values = [float(schedule(np.float32(p))) for p in PROGRESS]
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_sigmoid_ramp_begins_at_zero_and_rises_to_almost_one():
    values = [float(schedules.SigmoidRamp()(p)) for p in PROGRESS]
    assert values[0] == 0.0
    assert (np.diff(values) > 0).all()
    assert 0.9999 < values[-1] < 1.0


def test_linear_ramp_equals_the_formula():
    schedule = schedules.LinearRamp(0.2, 1.0, until=0.5)
    values = [float(schedule(np.float32(p))) for p in PROGRESS]
    expected = 0.2 + 0.8 * np.minimum(PROGRESS / 0.5, 1)
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize("until", [0, -0.1, 1.5])
def test_linear_ramp_must_end_within_training(until):
    with pytest.raises(ValueError, match=r"`until`.*a number in \(0, 1\]"):
        schedules.LinearRamp(until=until)


@pytest.mark.parametrize("sharpness", [0, -1.0, float("nan")])
def test_sharpness_must_be_positive(sharpness):
    with pytest.raises(ValueError, match="`sharpness`.*a positive number"):
        schedules.SigmoidRamp(sharpness=sharpness)


@pytest.mark.parametrize("number", [0, 1, 0.5, -2.0])
def test_numbers_are_schedules(number):
    assert schedules.get(number) == number
    assert schedules.serialize(number) == number
    assert schedules.value_at(number, 0.3) == number


@pytest.mark.parametrize("value", ["linear", None, [1.0], True, lambda p: p])
def test_anything_else_is_refused_by_its_argument_name(value):
    with pytest.raises(ValueError, match="`strength`.*number or a schedule"):
        schedules.get(value, "strength")


def test_value_at_calls_a_schedule():
    ramp = schedules.LinearRamp(0.0, 4.0)
    assert float(schedules.value_at(ramp, 0.25)) == 1.0


def test_a_serialized_schedule_comes_back():
    ramp = schedules.LinearRamp(0.1, 0.7, until=0.4)
    revived = schedules.get(schedules.serialize(ramp))
    assert type(revived) is schedules.LinearRamp
    assert revived.get_config() == ramp.get_config()


def test_gradient_of_a_ramp_is_its_slope():
    (found,) = helpers.gradients(
        schedules.LinearRamp(1.0, 3.0, until=0.5), np.float32(0.2)
    )
    np.testing.assert_allclose(found, 4.0, rtol=1e-6)


def test_an_own_schedule_needs_no_more_than_two_methods():
    @keras.saving.register_keras_serializable(package="tests")
    class Square(schedules.AbstractSchedule):
        def __call__(self, progress):
            return progress**2

        def get_config(self):
            return {}

    assert schedules.value_at(Square(), 0.5) == 0.25
    revived = schedules.get(schedules.serialize(Square()))
    assert isinstance(revived, Square)


def test_abstract_schedule_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        schedules.AbstractSchedule()
