"""Finding backbones: wildcards, filters, handles, close names."""

import pytest

from keras_transfer import zoo
from keras_transfer.zoo import registry


def _names(*arguments, **filters):
    return [card.name for card in zoo.list_backbones(*arguments, **filters)]


def test_all_are_listed_sorted():
    names = _names()
    assert names == sorted(names) and len(names) >= 100
    assert {"mobilenet_v2_100_224", "keras_applications/resnet50"} < {*names}


def test_wildcards_match_whole_names_in_any_case():
    found = _names("*EfficientNet_v2*b0")
    assert "keras_applications/efficientnet_v2_b0" in found
    assert "efficientnet_v2_imagenet1k_b0" in found
    assert all("efficientnet_v2" in name for name in found)
    assert _names("efficientnet") == []


def test_filters_combine():
    found = zoo.list_backbones(
        "*efficientnet*", task="image", license="Apache-2.0", source="tfhub"
    )
    assert found
    for card in found:
        assert (card.task, card.license) == ("image", "apache-2.0")
        assert card.source == "tfhub"
    everything = set(_names())
    assert set(_names(task="text")) < everything - set(_names(task="image"))


@pytest.mark.parametrize("field", ["task", "license", "source"])
def test_an_unknown_filter_lists_what_there_is(field):
    with pytest.raises(ValueError, match=f"`{field}`.*one of"):
        zoo.list_backbones(**{field: "nonsense"})


def test_a_card_is_found_by_name_handle_pin_and_mirror():
    card = zoo.find_card("mobilenet_v2_100_224")
    assert zoo.find_card(card.handle) is card
    assert zoo.find_card(f"{card.handle}#sha256={'0' * 64}") is card
    assert card.mirrors
    assert all(zoo.find_card(mirror) is card for mirror in card.mirrors)


@pytest.mark.parametrize("find", [zoo.find_card, registry.card_for])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mobilenetv2_100_224", "mobilenet_v2_100_224"),
        ("keras_applications/resnet_50", "keras_applications/resnet50"),
    ],
)
def test_a_mistyped_name_gets_a_suggestion(find, name, meant):
    with pytest.raises(ValueError, match="Did you mean") as caught:
        find(name)
    assert repr(meant) in str(caught.value)


def test_handles_without_a_card_are_no_mistake(tmp_path):
    assert registry.card_for("https://example.com/model/1") is None
    assert registry.card_for("owner/model/tensorFlow2/variation") is None
    assert registry.card_for(tmp_path) is None


def test_an_existing_path_is_no_mistyped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model").mkdir()
    assert registry.card_for("my_model") is None
    with pytest.raises(ValueError, match="my_modle"):
        registry.card_for("my_modle")


def test_facts_of_a_card_stand_over_those_of_the_family():
    family = {
        "license": "mit",
        "preprocessing": {"value_range": [0, 1], "size": [8, 8]},
        "card": [
            {"name": "a"},
            {"name": "b", "preprocessing": {"size": [9, 9]}},
        ],
    }
    first, second = registry._members(family)
    assert first["preprocessing"]["size"] == [8, 8]
    assert second["preprocessing"] == {"value_range": [0, 1], "size": [9, 9]}
    assert first["license"] == second["license"] == "mit"
