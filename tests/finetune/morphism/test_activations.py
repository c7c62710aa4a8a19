"""Where a tensor is what ReLU has made."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism import activations
from keras_transfer.finetune.morphism.graph import Graph


def found_after(*parts, shape=(4, 4, 4)):
    x = inputs = keras.Input(shape)
    for part in parts:
        x = part(x)
    graph = Graph(keras.Model(inputs, x))
    return activations.activation_of(graph, list(graph.operations)[-1])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([layers.Dense(2, activation="relu")], "relu"),
        ([layers.Conv2D(2, 1, activation="relu6")], "relu6"),
        ([layers.DepthwiseConv2D(1, activation="relu")], "relu"),
        ([layers.ReLU()], "relu"),
        ([layers.ReLU(6)], "relu6"),
        ([layers.Activation("relu"), layers.Dropout(0.1)], "relu"),
        ([keras.ops.relu, layers.MaxPooling2D(), layers.Flatten()], "relu"),
        ([layers.ReLU(6), layers.GlobalAveragePooling2D()], "relu6"),
        ([layers.ReLU(5)], None),
        ([layers.ReLU(negative_slope=0.1)], None),
        ([layers.ReLU(threshold=0.5)], None),
        ([layers.ReLU(), layers.Dense(2)], None),
        ([layers.ReLU(), layers.BatchNormalization()], None),
        ([layers.Dense(2, activation="sigmoid")], None),
        ([layers.Dropout(0.1)], None),
    ],
)
def test_chains(parts, expected):
    assert found_after(*parts) == expected


def two_branches(merge, one, other):
    inputs = keras.Input((4,))
    x = merge([layers.ReLU(one)(inputs), layers.ReLU(other)(inputs * 2.0)])
    graph = Graph(keras.Model(inputs, x))
    return activations.activation_of(graph, merge.name)


def test_branches():
    assert two_branches(layers.Concatenate(), None, None) == "relu"
    assert two_branches(layers.Concatenate(), 6, 6) == "relu6"
    assert two_branches(layers.Concatenate(), 6, None) == "relu"
    assert two_branches(layers.Concatenate(), 6, 3) is None
    assert two_branches(layers.Add(), 6, 6) == "relu"
    assert two_branches(layers.Subtract(), None, None) is None


@pytest.mark.parametrize("name", activations.IDEMPOTENT)
def test_they_are_idempotent(name, generator):
    function = keras.activations.get(name)
    once = np.asarray(function(generator.normal(size=100) * 10))
    np.testing.assert_array_equal(function(once), once)


def test_names_for_the_hint():
    inputs = keras.Input((4,))
    x = layers.Dense(3, activation="relu", name="first")(inputs)
    x = layers.Dense(3, activation="tanh", name="second")(x)
    graph = Graph(keras.Model(inputs, layers.ReLU(name="third")(x)))
    assert activations.last_activations(graph) == ["first", "third"]
