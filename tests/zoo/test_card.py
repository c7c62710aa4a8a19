"""Cards: what they check, and that nothing is lost in a file."""

import json

import pytest

from keras_transfer.zoo import card as cards

FACTS = {
    "name": "mine",
    "source": "tfhub",
    "handle": "https://example.com/mine/1",
    "task": "image",
    "mirrors": ["a/b/c/d"],
    "input_shape": [0, 32, 3],
    "preprocessing": {"size": [32, 32], "value_range": [0, 255]},
    "output_key": 0,
    "features": 8,
    "fine_tunable": False,
}


def test_zero_in_a_shape_is_a_free_axis():
    assert cards.Card.from_dict(FACTS).input_shape == (None, 32, 3)


def test_unknown_facts_are_left_out_and_others_kept():
    facts = cards.Card.from_dict(FACTS).to_dict()
    assert "license" not in facts and "needed_ops" not in facts
    assert facts["output_key"] == 0 and facts["fine_tunable"] is False
    assert facts["mirrors"] == ["a/b/c/d"]


def test_a_file_keeps_all_of_it(tmp_path):
    card = cards.Card.from_dict(FACTS)
    cards.write(card, tmp_path)
    assert cards.read(tmp_path) == card
    path = tmp_path / "assets.extra" / "card.json"
    assert json.loads(path.read_text())["features"] == 8


def test_a_folder_may_be_moved(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    facts = {**FACTS, "source": "folder", "handle": str(here)}
    cards.write(cards.Card.from_dict(facts), here)
    here.rename(there)
    assert cards.read(there).handle == str(there)


def test_a_folder_without_a_card_has_none(tmp_path):
    assert cards.read(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "images"}, "Did you mean 'image'"),
        ({"source": "tf_hub"}, "Did you mean 'tfhub'"),
        ({"licence": "mit"}, "Did you mean 'license'"),
    ],
)
def test_wrong_facts_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        cards.Card.from_dict({**FACTS, **change})


def test_missing_facts_are_named():
    with pytest.raises(ValueError, match="handle"):
        cards.Card.from_dict({"name": "a", "source": "tfhub"})
