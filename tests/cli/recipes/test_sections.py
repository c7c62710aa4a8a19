"""Dataclasses out of tables."""

import dataclasses
import datetime
from typing import Annotated
from typing import Literal

import pytest

from keras_transfer.cli.recipes.sections import Between
from keras_transfer.cli.recipes.sections import Count
from keras_transfer.cli.recipes.sections import section
from keras_transfer.cli.recipes.sections import unknown


@dataclasses.dataclass(frozen=True)
class Cat:
    kind: Literal["cat"]
    lives: Count = 9


@dataclasses.dataclass(frozen=True)
class Dog:
    kind: Literal["dog", "wolf"]
    tail: bool = True


@dataclasses.dataclass(frozen=True)
class Home:
    name: str
    rooms: tuple[Count, ...] = (1,)
    size: float | None = None
    share: Annotated[float, Between(0.0, 1.0, open=True)] = 0.5
    colour: Literal["red", "green", 3] | None = None
    costs: dict[str, float] = dataclasses.field(default_factory=dict)
    built: datetime.date | None = None
    garden: Cat | None = None
    pet: Cat | Dog | None = None


def _home(**more):
    return section(Home, {"name": "hut", **more}, "a.toml: [home]")


def test_what_is_not_given_is_the_default():
    assert _home() == Home("hut")


def test_every_kind_of_value():
    home = _home(
        rooms=[2, 3],
        size=4,
        colour="red",
        costs={"wood": 1, "nails": 0.5},
        built=datetime.date(2026, 11, 30),
        garden={"kind": "cat"},
        pet={"kind": "wolf", "tail": False},
    )
    assert home.rooms == (2, 3)
    # To Python 4 is no float, to people it is.
    assert home.size == 4.0 and type(home.size) is float
    assert home.costs == {"wood": 1.0, "nails": 0.5}
    assert home.garden == Cat("cat") and home.pet == Dog("wolf", False)
    assert _home(colour=3).colour == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"rom": 3},
            "a.toml: [home] rom is no key. Did you mean 'rooms'? Expected one",
        ),
        ({"rooms": 2}, "[home] rooms must be a list, each an integer at least"),
        ({"rooms": [1, 0]}, "[home] rooms[1] must be an integer at least 1."),
        (
            {"rooms": [1.5]},
            "rooms[0] must be an integer at least 1. Received: 1.5",
        ),
        (
            {"rooms": [True]},
            "rooms[0] must be an integer at least 1. Received: True",
        ),
        ({"size": "3"}, "[home] size must be a number. Received: '3'"),
        ({"size": float("nan")}, "[home] size must be a number. Received: nan"),
        ({"share": 1}, "between 0 and 1, without them. Received: 1.0"),
        ({"colour": "gren"}, "colour is 'gren'. Did you mean 'green'?"),
        ({"colour": True}, "[home] colour is True. Expected one of red, green"),
        ({"colour": ["red"]}, "[home] colour is ['red']. Expected one of red"),
        ({"costs": 3}, "costs must be a table, each value a number."),
        ({"costs": {"a": "b"}}, "costs.a must be a number. Received: 'b'"),
        ({"built": "2026"}, "built must be a date such as 2026-11-30."),
        ({"garden": 3}, "a.toml: [home] [garden] must be a table. Received: 3"),
        ({"pet": {"lives": 1}}, "[pet] has no kind. Expected one of cat, dog"),
        ({"pet": 3}, "[pet] has no kind."),
        ({"pet": {"kind": ["dog"]}}, "[pet] kind is ['dog']. Expected one of"),
        ({"pet": {"kind": "dogg"}}, "kind is 'dogg'. Did you mean 'dog'?"),
        ({"pet": {"kind": "dog", "lives": 1}}, "[pet] lives is no key."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_every_mistake_is_one_sentence_with_its_place(given, message):
    with pytest.raises(ValueError) as error:
        _home(**given)
    assert message in str(error.value)
    assert str(error.value).startswith("a.toml: [home]")


def test_what_has_no_default_must_be_there():
    with pytest.raises(ValueError, match=r"\[home\] has no name. It must be a"):
        section(Home, {}, "a.toml: [home]")


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        (Between(1), [1, 5], [0], "at least 1"),
        (Between(0, open=True), [0.1], [0], "above 0"),
        (Between(0, 1), [0, 1], [-1, 2], "from 0 to 1"),
        (Between(0, 1, open=True), [0.5], [0, 1], "between 0 and 1"),
    ],
    ids=["least", "above", "closed", "open"],
)
def test_bounds(bounds, inside, outside, words):
    assert all(map(bounds.holds, inside))
    assert not any(map(bounds.holds, outside))
    assert words in str(bounds)


def test_far_names_are_not_suggested():
    assert unknown("x", "zzz", ["alpha"]) == "x. Expected one of alpha."
