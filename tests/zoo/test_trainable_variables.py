"""Wildcards for the variables that learn."""

import pytest
import tensorflow as tf

from keras_transfer.zoo import trainable_variables
from keras_transfer.zoo.card import Card
from keras_transfer.zoo.saved_model import NamedVariable

NAMES = ("net/block_1/kernel", "net/block_13/kernel", "net/block_13/bias")
VARIABLES = [NamedVariable(name, tf.constant(0.0), True) for name in NAMES]
VARIABLES.append(NamedVariable("net/block_13/mean", tf.constant(0.0), False))


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (None, {0, 1, 2}),
        ("*", {0, 1, 2}),
        ("block_1[3-6]*", {1, 2}),
        ("kernel", {0, 1}),
        ("net/block_1/*", {0}),
        (["*/block_1/*", "bias"], {0, 2}),
    ],
)
def test_patterns_match_names_and_their_ends(patterns, expected):
    found = trainable_variables.trained_names(VARIABLES, patterns)
    assert found == {NAMES[index] for index in expected}


@pytest.mark.parametrize("pattern", ["block_14*", "ernel", "*/mean"])
def test_a_pattern_that_matches_nothing_that_learns_is_refused(pattern):
    with pytest.raises(ValueError, match="net/block_1/kernel"):
        trainable_variables.trained_names(VARIABLES, [pattern, "kernel"])


def test_what_cannot_learn_is_not_trained_in_vain():
    check = trainable_variables.check_trainable
    card = Card(name="ears", source="tfhub", handle="a", fine_tunable=False)
    check(False, set(), "serve", card)
    check(True, {"kernel"}, None, None)
    for arguments, words in [
        (("kernel", {"kernel"}, None, None), "trainable_variables_matching"),
        ((True, {"kernel"}, "serve", None), "signature"),
        ((True, {"kernel"}, None, card), "'ears'"),
        ((True, set(), None, None), "no trainable variables"),
    ]:
        with pytest.raises(ValueError, match=words):
            check(*arguments)
