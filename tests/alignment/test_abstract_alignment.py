import pytest

import keras_transfer as kt

pytestmark = pytest.mark.any_backend


class Constant(kt.alignment.AbstractAlignment):
    """The smallest term there is."""

    def call(self, source, target, progress=1.0, training=None):
        return 3.0


def test_a_term_is_one_method():
    batch = kt.alignment.Representation(features=())
    assert float(Constant()(batch, batch)) == 3.0


def test_a_term_without_call_cannot_be_made():
    class Nothing(kt.alignment.AbstractAlignment):
        pass

    with pytest.raises(TypeError, match="abstract method '?call'?"):
        Nothing()


@pytest.mark.parametrize(
    "weight, is_off",
    [(0, True), (0.0, True), (1e-9, False), (1.0, False)],
)
def test_only_the_number_zero_switches_a_term_off(weight, is_off):
    assert Constant(weight=weight).is_off is is_off


def test_a_schedule_that_is_zero_does_not_switch_a_term_off():
    term = Constant(weight=kt.schedules.LinearRamp(0.0, 0.0))
    assert not term.is_off


def test_weight_follows_the_progress():
    term = Constant(weight=kt.schedules.LinearRamp(0.0, 4.0))
    assert float(term.weight_at(0.5)) == 2.0
    assert Constant(weight=0.3).weight_at(0.5) == 0.3


@pytest.mark.parametrize("weight", [-1, -0.1, float("nan")])
def test_a_negative_weight_is_refused(weight):
    with pytest.raises(ValueError, match="`weight`.*a number that is not < 0"):
        Constant(weight=weight)


@pytest.mark.parametrize("weight", [None, "big"])
def test_something_that_is_no_weight_is_refused(weight):
    with pytest.raises(ValueError, match="`weight`.*number or a schedule"):
        Constant(weight=weight)


def test_representation_needs_features_alone():
    batch = kt.alignment.Representation(features=(1,))
    assert batch.logits is None
    assert batch.labels is None
