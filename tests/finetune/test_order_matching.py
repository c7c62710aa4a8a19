"""The longest common subsequence of layers."""

import itertools

import keras
import numpy as np

from keras_transfer.finetune.order_matching import match_order
from tests.finetune.weight_lists import dense_model
from tests.finetune.weight_lists import names
from tests.finetune.weight_lists import sources_of
from tests.finetune.weight_lists import targets_of
from tests.finetune.weight_lists import torch_dense

layers = keras.layers


def _chain(widths, kind):
    units = {f"{kind}{i}": width for i, width in enumerate(widths[1:])}
    make = dense_model if kind == "t" else torch_dense
    return make(widths[0], **units)


def _layers_matched(ours, theirs, loose=False):
    pairs = match_order(
        sources_of(_chain(ours, "s")), targets_of(_chain(theirs, "t")), loose
    )
    return [
        (source.path[0][1:], target.path[0][1:])
        for source, target in pairs
        if source.role == "weight"
    ]


def test_equal_chains():
    assert _layers_matched([4, 3, 2], [4, 3, 2]) == [("0", "0"), ("1", "1")]


def test_all_weights_of_a_layer_go_together():
    pairs = match_order(
        sources_of(torch_dense(4, a=3)), targets_of(dense_model(4, b=3))
    )
    assert names(pairs) == {"a.weight": "b/kernel", "a.bias": "b/bias"}


def test_another_head_and_a_layer_more():
    assert _layers_matched([4, 3, 2, 9], [4, 3, 2, 5]) == [
        ("0", "0"),
        ("1", "1"),
    ]
    assert _layers_matched([4, 3, 2], [4, 4, 3, 2]) == [("0", "1"), ("1", "2")]


def test_of_equal_layers_the_first_are_taken():
    assert _layers_matched([4, 4, 4, 4], [4, 4, 4]) == [("0", "0"), ("1", "1")]


def test_loosely_equal_sizes_are_preferred():
    assert _layers_matched([4, 3], [4, 5]) == []
    assert _layers_matched([4, 3], [4, 5], loose=True) == [("0", "0")]
    # Two of three must stay apart, and those that fit exactly are kept.
    assert _layers_matched([4, 3, 7], [9, 4, 3, 7], loose=True) == [
        ("0", "1"),
        ("1", "2"),
    ]


def test_it_is_the_longest_one(generator):
    for _ in range(30):
        ours = generator.integers(1, 3, 6).tolist()
        theirs = generator.integers(1, 3, 5).tolist()
        found = _layers_matched(ours, theirs)
        first = list(itertools.pairwise(ours))
        second = list(itertools.pairwise(theirs))
        assert len(found) == _longest(first, second)
        rows, columns = zip(*found, strict=True) if found else ((), ())
        assert list(rows) == sorted(set(rows))
        assert list(columns) == sorted(set(columns))
        for row, column in found:
            assert first[int(row)] == second[int(column)]


def _longest(first, second):
    """All subsequences of one that are subsequences of the other."""
    for length in range(min(len(first), len(second)), 0, -1):
        others = set(itertools.combinations(second, length))
        if others & set(itertools.combinations(first, length)):
            return length
    return 0


def test_kinds_of_layers_are_told_apart():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.BatchNormalization(),
            layers.LayerNormalization(name="norm"),
        ]
    )
    arrays = {"n.weight": np.ones(3), "n.bias": np.ones(3)}
    pairs = match_order(sources_of(arrays), targets_of(model))
    assert names(pairs) == {"n.weight": "norm/gamma", "n.bias": "norm/beta"}


def test_bare_names_stand_for_themselves():
    arrays = {"w": np.ones((4, 3)), "v": np.ones(3), "u": np.ones((3, 9))}
    pairs = match_order(
        sources_of(arrays), targets_of(dense_model(4, a=3, b=2))
    )
    assert names(pairs) == {"w": "a/kernel", "v": "a/bias"}


def test_two_models_of_keras():
    pairs = match_order(
        targets_of(dense_model(4, a=3, b=2)),
        targets_of(dense_model(4, c=3, d=5)),
    )
    assert names(pairs) == {"a/kernel": "c/kernel", "a/bias": "c/bias"}


def test_what_cannot_be_turned_is_no_match():
    model = keras.Sequential(
        [keras.Input((7, 7, 2)), layers.Flatten(), layers.Dense(3)]
    )
    sources = sources_of(torch_dense(50, fc=3))
    assert match_order(sources, targets_of(model), loose=True) == []
