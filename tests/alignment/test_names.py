import keras
import pytest

from keras_transfer import alignment
from keras_transfer.alignment import names

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("name", names.NAMES)
def test_names_are_those_of_the_terms(name):
    """`get("dan")` is called "dan" in the logs too."""
    assert alignment.get(name).name == name
    assert type(alignment.get(name)) is names.NAMES[name]


def test_dan_and_dann_are_two_terms():
    assert type(alignment.get("dan")) is alignment.MeanDiscrepancy
    assert type(alignment.get("dann")) is alignment.DomainAdversarial


def test_every_term_that_is_shown_has_a_name():
    shown = {
        member
        for member in vars(alignment).values()
        if isinstance(member, type)
        and issubclass(member, alignment.AbstractAlignment)
        and member is not alignment.AbstractAlignment
    }
    assert shown == set(names.NAMES.values())


def test_a_term_is_handed_through():
    term = alignment.MeanDiscrepancy()
    assert alignment.get(term) is term


def test_a_config_becomes_a_term():
    term = alignment.CorrelationAlignment(weight=0.3)
    revived = alignment.get(keras.saving.serialize_keras_object(term))
    assert type(revived) is alignment.CorrelationAlignment
    assert revived.weight == 0.3


@pytest.mark.parametrize(
    "name, closest", [("coral", "deep_coral"), ("DANN", None), ("damn", "da")]
)
def test_an_unknown_name_names_the_closest(name, closest):
    with pytest.raises(ValueError, match="`alignment`.*'dann', 'dan'") as error:
        alignment.get(name)
    if closest:
        assert f"Did you mean '{closest}" in str(error.value)


@pytest.mark.parametrize("value", [None, 3, alignment.MeanDiscrepancy])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match="the name of a term or a term"):
        alignment.get(value)
