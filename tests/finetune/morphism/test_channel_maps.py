"""Which tensors get which channels."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.channel_maps import ChannelMaps
from keras_transfer.finetune.morphism.graph import Graph

MAP = np.array([0, 1, 0])


@pytest.fixture
def inputs():
    return keras.Input((4,), name="inputs")


def maps_of(inputs, x, name="layer"):
    graph = Graph(keras.Model(inputs, layers.Dense(2, name="head")(x)))
    maps = ChannelMaps(graph, name, MAP)
    return {
        key: None if found is None else list(found)
        for key in graph.operations
        if key != "head"
        for found in [maps.of((key, 0, 0))]
    }


def test_both_ways_along_ties(inputs):
    one = layers.Dense(2, name="layer")(inputs)
    other = layers.Dense(2, name="other")(inputs)
    other = layers.BatchNormalization(name="norm")(other)
    aside = layers.Dense(2, name="aside")(inputs)
    x = layers.Add(name="sum")([one, other])
    x = layers.Concatenate(name="pair")([aside, x])
    found = maps_of(inputs, x)
    assert found.pop("pair") == [0, 1, 2, 3, 2]
    assert found.pop("inputs") is None
    assert found.pop("aside") is None
    assert found == dict.fromkeys(["layer", "other", "norm", "sum"], [0, 1, 0])


def test_maps_are_derived_again_where_inputs_are_late(inputs):
    """The second input of `second` is known after `first` only."""
    x = layers.Dense(2, name="layer")(inputs)
    first = layers.Concatenate(name="first")([x, x])
    copy = layers.Dense(4, name="copy")(inputs)
    summed = layers.Add(name="sum")([copy, first])
    second = layers.Concatenate(name="second")([x, summed])
    found = maps_of(inputs, second)
    assert found["first"] == found["copy"] == [0, 1, 0, 2, 3, 2]
    assert found["second"] == [0, 1, 0, 2, 3, 2, 4, 5, 4]


def test_shared_layers_have_one_map(inputs):
    shared = layers.Dense(2, name="shared")
    x = layers.Dense(2, name="layer")(inputs)
    y = layers.Dense(2, name="other")(inputs)
    pair = layers.Concatenate(name="pair")([shared(x), shared(y)])
    found = maps_of(inputs, pair)
    assert found["layer"] == found["other"] == [0, 1, 0]
    assert found["shared"] is None


def test_a_shared_layer_without_weights_ties_nothing(inputs):
    relu = layers.ReLU(name="relu")
    x = layers.Dense(2, name="layer")(inputs)
    y = layers.Dense(2, name="other")(inputs)
    pair = layers.Concatenate(name="pair")([relu(x), relu(y)])
    found = maps_of(inputs, pair)
    assert found["other"] is None
    assert found["pair"] == [0, 1, 0, 2, 3]


def test_two_derived_maps_that_differ_are_refused(inputs):
    x = layers.Dense(2, name="layer")(inputs)
    y = layers.Dense(2, name="other")(inputs)
    pairs = [
        layers.Concatenate(name="one")([x, y]),
        layers.Concatenate(name="two")([y, x]),
    ]
    with pytest.raises(ValueError, match="'layer' cannot be widened"):
        maps_of(inputs, layers.Add()(pairs))


def test_equal_derived_maps_meet(inputs):
    x = layers.Dense(2, name="layer")(inputs)
    pairs = [layers.Concatenate()([x, keras.ops.relu(x)]) for _ in range(2)]
    found = maps_of(inputs, layers.Add(name="sum")(pairs))
    assert found["sum"] == [0, 1, 0, 2, 3, 2]
