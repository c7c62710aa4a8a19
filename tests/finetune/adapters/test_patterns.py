"""Targets: one, several, and what is none."""

import pytest

from keras_transfer.finetune.adapters import patterns


def test_one_name_and_several_are_alike():
    assert patterns.as_patterns("target", "dense*") == ("dense*",)
    assert patterns.as_patterns("target", ["a", "b"]) == ("a", "b")
    assert patterns.as_patterns("target", ()) == ()


@pytest.mark.parametrize("value", [None, 3, "", [""], [1]])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match="`target`.*the name of a layer"):
        patterns.as_patterns("target", value)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("query", True),
        ("encoder/*/query", True),
        ("encoder", True),
        ("block_1*", True),
        ("que", False),
        ("decoder/*/query", False),
    ],
)
def test_paths(pattern, matches):
    path = "encoder/block_1/attention/query"
    assert patterns.any_matches(["nothing", pattern], path) == matches
