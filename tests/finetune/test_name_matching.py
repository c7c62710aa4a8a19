"""Weights that have the same name in one way or another."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune import name_matching
from tests.finetune import weight_lists
from tests.finetune.weight_lists import dense_model
from tests.finetune.weight_lists import names
from tests.finetune.weight_lists import sources_of
from tests.finetune.weight_lists import targets_of
from tests.finetune.weight_lists import torch_dense

layers = keras.layers


def _match(sources, model):
    if isinstance(sources, dict):
        sources = sources_of(sources)
    return name_matching.match_names(sources, targets_of(model))


def _arrays(*names):
    return {name: np.ones((2, 2)) for name in names}


@pytest.mark.parametrize("name", ["a.0.b", "a_0_b", "a/0/b", "a_0.b"])
def test_names_may_be_joined_in_any_way(name):
    assert name_matching.plain(name) == "a_0_b"


def test_names_of_pytorch_and_of_keras():
    model = dense_model(2, block_0_fc=2, head=2)
    match = _match(_arrays("block.0.fc.weight", "head.bias"), model)
    assert names(match.pairs) == {
        "block.0.fc.weight": "block_0_fc/kernel",
        "head.bias": "head/bias",
    }
    assert match.is_telling


def test_the_order_of_names_is_of_no_account():
    weights = torch_dense(2, a=2, b=2, c=2)
    model = dense_model(2, c=2, a=2, b=2)
    assert names(_match(weights, model).pairs) == {
        f"{name}.{ours}": f"{name}/{theirs}"
        for name in "abc"
        for ours, theirs in (("weight", "kernel"), ("bias", "bias"))
    }


def test_two_models_of_keras():
    first = dense_model(2, a=2, b=3)
    second = dense_model(2, b=2, a=3)
    pairs = _match(targets_of(first), second).pairs
    assert names(pairs) == {
        name: name for name in ("a/kernel", "a/bias", "b/kernel", "b/bias")
    }


def test_the_target_may_lie_deeper():
    inner = dense_model(2, block_0=2, block_1=2)
    inner.name = "backbone"
    model = keras.Sequential([inner, layers.Dense(2, name="head")])
    match = _match(torch_dense(2, **{"block.0": 2, "block.1": 2}), model)
    assert set(names(match.pairs).values()) == {
        f"backbone/block_{i}/{name}"
        for i in (0, 1)
        for name in ("kernel", "bias")
    }


def test_the_source_may_lie_deeper():
    weights = torch_dense(2, **{"model.net.a": 2, "model.net.b": 2, "fc": 2})
    match = _match(weights, dense_model(2, a=2, b=2))
    assert len(match.pairs) == 4
    assert names(match.pairs)["model.net.b.bias"] == "b/bias"
    assert (
        list(match.reasons.values())
        == ["the target has no layer of this name"] * 2
    )


def test_whole_names_come_before_deeper_ones():
    model = dense_model(2, a=2, b=2)
    weights = torch_dense(2, **{"a": 2, "b": 2, "old.a": 2, "old.b": 2})
    found = names(_match(weights, model).pairs)
    assert set(found) == {"a.weight", "a.bias", "b.weight", "b.bias"}


def test_names_that_read_the_same_are_told():
    model = dense_model(2, a_b=2)
    match = _match(_arrays("a_b.weight", "a.b.weight"), model)
    assert match.pairs == []
    assert set(match.reasons.values()) == {
        "another layer of the source reads the same"
    }


def test_a_layer_without_such_a_weight():
    model = keras.Sequential(
        [keras.Input((2,)), layers.Dense(2, use_bias=False, name="fc")]
    )
    match = _match(_arrays("fc.weight", "fc.bias"), model)
    assert names(match.pairs) == {"fc.weight": "fc/kernel"}
    assert list(match.reasons.values()) == ["'fc', a Dense, has no such weight"]


def test_every_source_is_paired_or_has_a_reason():
    sources = sources_of(torch_dense(2, a=2, b=2, c=2))
    match = _match(sources, dense_model(2, a=2, c=2))
    paired = {id(source) for source, _ in match.pairs}
    assert len(paired) == 4
    assert paired | set(match.reasons) == {id(source) for source in sources}
    assert not paired & set(match.reasons)


def test_automatic_names_tell_nothing_unless_all_agree():
    first = dense_model(2, _a=2, _b=2)
    second = dense_model(2, _a=2, _b=2)
    first.layers[1].name, second.layers[0].name = "dense_8", "dense_8"
    match = _match(targets_of(first), second)
    assert match.pairs and not match.is_telling
    assert _match(targets_of(first), first).is_telling


def test_no_pairs_tell_nothing():
    match = _match(torch_dense(2, a=2), dense_model(2, b=2))
    assert match.pairs == [] and not match.is_telling


def test_an_index_finds_layers_and_weights():
    inner = dense_model(2, a=2)
    inner.name = "net"
    model = keras.Sequential([inner, layers.Dense(2, name="b")])
    index = name_matching.NameIndex(targets_of(model))
    (source,) = sources_of(_arrays("x.bias"))
    assert index.weight("net/a/kernel").name == "net/a/kernel"
    assert index.weight("net.a.kernel").name == "net/a/kernel"
    assert index.weight("a/kernel").name == "net/a/kernel"
    assert index.weight("kernel") is None
    assert index.weight_of_part("a", source).name == "net/a/bias"
    assert index.has_part("b") and not index.has_part("c")
    assert index.names()[:2] == ["net/a", "b"]


def test_an_index_prefers_whole_names():
    inner = dense_model(2, a=2)
    inner.name = "net"
    model = keras.Sequential([inner, layers.Dense(2, name="a")])
    index = name_matching.NameIndex(targets_of(model))
    assert index.weight("a/kernel").name == "a/kernel"


def test_lists_of_the_tests_are_as_they_say():
    model = weight_lists.dense_model(3, a=2, _b=4)
    assert model.layers[0].name == "a"
    assert model.layers[1].name.startswith("dense")
