"""Where a flattened feature map goes."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.flattened_maps import flattened_maps

layers = keras.layers


def _maps(model):
    """Dict from names of layers with weights to the maps that they see."""
    maps, _ = flattened_maps(model)
    return {
        layer.name: maps[id(layer)]
        for layer in model._flatten_layers()
        if id(layer) in maps and layer.weights and not layer._layers
    }


def _sequential(shape, *parts):
    return keras.Sequential([keras.Input(shape), *parts])


def test_through_layers_that_keep_the_places():
    model = _sequential(
        (4, 5, 3),
        layers.Conv2D(2, 1, name="conv"),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(),
        layers.Dense(40, name="first"),
        layers.Dense(40, name="second"),
    )
    assert _maps(model) == {"norm": (4, 5, 2), "first": (4, 5, 2)}


@pytest.mark.parametrize(
    "flatten",
    [layers.Flatten(), layers.Reshape((60,)), layers.Reshape((-1,))],
    ids=["flatten", "reshape", "unknown"],
)
def test_ways_to_flatten(flatten):
    model = _sequential((4, 5, 3), flatten, layers.Dense(2, name="dense"))
    assert _maps(model) == {"dense": (4, 5, 3)}


def test_channels_first():
    flatten = layers.Flatten(data_format="channels_first")
    model = _sequential((3, 4, 5), flatten, layers.Dense(2, name="dense"))
    # Keras puts the channels last before it flattens.
    assert _maps(model) == {"dense": (4, 5, 3)}


@pytest.mark.parametrize(
    ("shape", "before"),
    [
        ((1, 1, 3), layers.Flatten()),
        ((4, 5, 3), layers.GlobalAveragePooling2D()),
        ((6,), layers.Flatten()),
        ((6,), layers.Reshape((2, 3))),
    ],
    ids=["one place", "pooled", "flat", "unflattened"],
)
def test_no_map(shape, before):
    model = _sequential(shape, before, layers.Dense(2))
    assert _maps(model) == {}


def test_in_a_graph_with_branches():
    inputs = keras.Input((4, 4, 2))
    flat = layers.Flatten()(inputs)
    left = layers.Dense(3, name="left")(flat)
    right = layers.Dense(3, name="right")(keras.ops.relu(flat))
    pooled = layers.GlobalAveragePooling2D()(inputs)
    joined = layers.Concatenate()([left, right, pooled])
    last = layers.Dense(1, name="last")(joined)
    model = keras.Model(inputs, last)
    assert _maps(model) == {"left": (4, 4, 2), "right": (4, 4, 2)}


def test_out_of_a_nested_model():
    backbone = _sequential((4, 4, 2), layers.Flatten(), layers.ReLU())
    model = _sequential((4, 4, 2), backbone, layers.Dense(1, name="head"))
    assert _maps(model) == {"head": (4, 4, 2)}


def test_within_a_nested_model():
    head = _sequential((4, 4, 2), layers.Flatten(), layers.Dense(1, name="d"))
    model = _sequential((4, 4, 2), layers.ReLU(), head)
    assert _maps(model) == {"d": (4, 4, 2)}


class _Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat = layers.Flatten(name="flat")
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(self.flat(x))


def test_a_model_without_a_graph_is_told():
    model = _Subclassed()
    model(np.zeros((1, 4, 4, 2)))
    assert flattened_maps(model) == ({}, ["flat"])
    seen = _sequential((4, 4, 2), layers.Flatten(), layers.Dense(1))
    assert flattened_maps(seen)[1] == []
