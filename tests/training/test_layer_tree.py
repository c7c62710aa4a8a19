"""Layers by name, and the flags of those that learn."""

import keras
import pytest

from keras_transfer.training import layer_tree

pytestmark = pytest.mark.any_backend


def _nested():
    inner = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(4, name="first"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(4, name="second"),
        ],
        name="backbone",
    )
    return keras.Sequential(
        [keras.Input((4,)), inner, keras.layers.Dense(2, name="head")]
    )


def _flags(model):
    return {
        path: layer.trainable
        for path, layer in layer_tree.weighted_nodes(model)
    }


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("conv", "backbone/conv", True),
        ("backbone", "backbone/conv", True),
        ("backbone/conv", "backbone/conv", True),
        ("block_1*", "net/block_12/conv", True),
        ("*/query", "encoder/block/query", True),
        ("conv", "backbone/conv_1", False),
        ("back", "backbone/conv", False),
        ("a[1]", "a[1]", True),
    ],
    ids=[
        "last",
        "first",
        "whole",
        "wildcard",
        "slash",
        "longer",
        "part",
        "plain",
    ],
)
def test_patterns_stand_for_runs_of_names(pattern, path, expected):
    assert layer_tree.matches(pattern, path) is expected


def test_nodes_are_in_order_with_parents_first():
    paths = [node.path for node in layer_tree.nodes(_nested())]
    wanted = [
        "backbone",
        "backbone/first",
        "backbone/norm",
        "backbone/second",
        "head",
    ]
    assert [path for path in paths if path in wanted] == wanted


def test_a_shared_layer_is_one_node():
    shared = keras.layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, shared(shared(inputs)))
    paths = [node.path for node in layer_tree.nodes(model)]
    assert paths.count("shared") == 1


def test_own_weights_leave_out_those_of_parts():
    attention = keras.layers.MultiHeadAttention(2, 2, name="attention")
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, attention(inputs, inputs))
    assert layer_tree.own_weights(attention) == []
    paths = [node.path for node in layer_tree.weighted_nodes(model)]
    assert "attention/query" in paths
    total = sum(
        len(layer_tree.own_weights(layer))
        for _, layer in layer_tree.weighted_nodes(model)
    )
    assert total == len(model.weights) == 8


def test_one_layer_learns_and_the_others_stay():
    model = _nested()
    model.trainable = False
    second = model.get_layer("backbone").get_layer("second")
    assert layer_tree.set_trainable(model, {id(second): True})
    assert _flags(model) == {
        "backbone/first": False,
        "backbone/norm": False,
        "backbone/second": True,
        "head": False,
    }
    assert [v.name for v in model.trainable_weights] == ["kernel", "bias"]
    assert model.get_layer("backbone").trainable
    assert not layer_tree.set_trainable(model, {id(second): True})


def test_a_variable_that_is_frozen_by_itself_stays_frozen():
    model = _nested()
    head = model.get_layer("head")
    head.bias.trainable = False
    first = model.get_layer("backbone").get_layer("first")
    assert layer_tree.set_trainable(model, {id(first): False})
    assert layer_tree.set_trainable(model, {id(first): True})
    assert not head.bias.trainable
    assert head.kernel.trainable


def test_containers_sleep_when_all_inside_does():
    model = _nested()
    wanted = {id(layer): False for _, layer in layer_tree.nodes(model)}
    layer_tree.set_trainable(model, wanted)
    assert not model.trainable
    assert not model.get_layer("backbone").trainable


def test_unknown_names_are_refused_with_the_closest():
    with pytest.raises(ValueError, match="`until`.*backbone/second"):
        layer_tree.find(_nested(), "secnd", "until")
    with pytest.raises(ValueError, match="`layers`.*backbone/second"):
        layer_tree.find_one(_nested(), "secnd", "layers")


def test_one_layer_is_found_by_as_much_of_its_path_as_is_needed():
    model = _nested()
    second = model.get_layer("backbone").get_layer("second")
    for name in ("second", "backbone/second"):
        assert layer_tree.find_one(model, name, "layers") is second
    inputs = keras.Input((4,))
    twice = keras.Model(
        inputs,
        model.get_layer("backbone")(
            keras.layers.Dense(4, name="second")(inputs)
        ),
    )
    assert layer_tree.find_one(twice, "backbone/second", "layers") is second
    # Written out in full, it is the outer one.
    assert layer_tree.find_one(twice, "second", "layers") is not second


def test_uncompiled_models_cannot_be_fitted():
    model = _nested()
    model.compile("sgd", "mse")
    layer_tree.uncompile(model)
    with pytest.raises(ValueError, match="compile"):
        model.fit(x=[[1.0] * 4], y=[[1.0] * 2])
