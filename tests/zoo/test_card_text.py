"""Cards as people read them."""

import re

import pytest

from keras_transfer import zoo
from keras_transfer.zoo import card_text


def _card(**facts):
    return zoo.Card(
        **{"name": "mine", "source": "folder", "handle": "models/mine", **facts}
    )


FULL = _card(
    task="image",
    summary="A net.",
    version="3",
    sha256="0" * 64,
    mirrors=("a/b/c/d", "e/f/g/h"),
    input_shape=(0, 224, 3),
    preprocessing={"size": (224, 224), "value_range": (-1, 1)},
    preprocessor="models/tokenizer",
    output_key=0,
    features=1280,
    parameters=2257984,
    license="mit",
    fine_tunable=False,
    needed_ops=("tensorflow_text",),
    trained_on="Photos",
    citation="Someone, 2020",
)


def test_all_that_is_known_is_told_in_a_fixed_order():
    assert list(card_text.facts(FULL).items()) == [
        ("task", "image"),
        ("input", "any x 224 x 3 float32"),
        ("pixels", "-1 to 1, RGB, bilinear"),
        ("features", "1280"),
        ("parameters", "2,257,984"),
        ("license", "mit"),
        ("fine_tunable", "no"),
        ("trained_on", "Photos"),
        ("needed_ops", "tensorflow_text"),
        ("preprocessor", "models/tokenizer"),
        ("output_key", "0"),
        ("source", "folder"),
        ("handle", "models/mine"),
        ("version", "3"),
        ("sha256", "0" * 64),
        ("mirrors", "a/b/c/d, e/f/g/h"),
        ("citation", "Someone, 2020"),
    ]


def test_what_is_not_known_is_left_out():
    assert card_text.facts(_card()) == {
        "task": "other",
        "fine_tunable": "yes",
        "source": "folder",
        "handle": "models/mine",
    }


def test_no_field_of_a_card_is_forgotten():
    shown_otherwise = {"name", "summary", "input_shape", "input_dtype"}
    fields = set(FULL.to_dict()) - shown_otherwise - {"preprocessing"}
    assert fields <= set(card_text.facts(FULL))
    unset = {
        name
        for name in zoo.Card.__dataclass_fields__
        if getattr(FULL, name) in (None, "", ())
    }
    assert not unset, f"set {unset} in FULL"


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((), "string", "string"),
        ((128,), "int32", "128 int32"),
        ((0, 0, 3), "float32", "any x any x 3 float32"),
    ],
)
def test_inputs_in_words(shape, dtype, expected):
    known = card_text.facts(_card(input_shape=shape, input_dtype=dtype))
    assert known["input"] == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "0 to 1, RGB, bilinear"),
        (
            {"value_range": (0, 255), "channel_order": "BGR", "mean": (1, 2)},
            "0 to 255, minus the mean 1, 2, BGR, bilinear",
        ),
        (
            {"deviation": (0.5,), "interpolation": "bicubic"},
            "0 to 1, divided by 0.5, RGB, bicubic",
        ),
        (
            {"crop_to_aspect_ratio": True, "channel_order": "L"},
            "0 to 1, L, bilinear, cropped to the aspect ratio",
        ),
    ],
)
def test_pixels_in_words(settings, expected):
    known = card_text.facts(_card(preprocessing={"size": (8, 8), **settings}))
    assert known["pixels"] == expected


def test_plain_text_is_aligned():
    assert card_text.plain(_card(features=5)).splitlines() == [
        "mine",
        "",
        "task          other",
        "features      5",
        "fine-tunable  yes",
        "source        folder",
        "handle        models/mine",
    ]
    assert card_text.plain(FULL).splitlines()[:3] == ["mine", "A net.", ""]


def test_every_card_of_the_registry_can_be_read():
    for card in zoo.list_backbones():
        text = card_text.plain(card)
        assert text.startswith(card.name)
        assert "None" not in text and "{" not in text


def test_a_page_links_each_row_to_its_section():
    others = ["a/b.c", "keras_applications/x_1", "with space-2"]
    cards = [_card(name=name) for name in ["mine", *others]]
    page = card_text.markdown(cards, "Title", "Words.")
    assert page.startswith("# Title\n\nWords.\n\n| name |")
    assert page.endswith("\n") and not page.endswith("\n\n")
    links = re.findall(r"\[(.+?)\]\(#(.+?)\)", page)
    assert links == [
        ("mine", "mine"),
        ("a/b.c", "abc"),
        ("keras_applications/x_1", "keras_applicationsx_1"),
        ("with space-2", "with-space-2"),
    ]
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == ["mine", *others]


def test_a_page_holds_what_is_known_of_each_card():
    page = card_text.markdown([FULL], "Title", "Words.")
    row = "| [mine](#mine) | any x 224 x 3 float32 | 1280 | 2,257,984 | mit |"
    assert row in page.splitlines()
    for value in card_text.facts(FULL).values():
        assert f": {value}\n" in page
    assert "\nA net.\n" in page
