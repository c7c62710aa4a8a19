"""Lists of layers, and what activations are called."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism import layer_kinds


def test_layers_of_each_rank():
    assert layer_kinds.of_each_rank("Conv", "MaxPooling") == (
        layers.Conv1D,
        layers.Conv2D,
        layers.Conv3D,
        layers.MaxPooling1D,
        layers.MaxPooling2D,
        layers.MaxPooling3D,
    )


@pytest.mark.parametrize(
    ("given", "name", "is_elementwise"),
    [
        (None, "linear", True),
        ("relu", "relu", True),
        ("swish", "silu", True),
        ("softmax", "softmax", False),
        (keras.ops.relu, "<relu>", False),
        (layers.ReLU(), "<ReLU>", False),
    ],
    ids=["none", "relu", "swish", "softmax", "other_relu", "layer"],
)
def test_activations(given, name, is_elementwise):
    layer = layers.Dense(2, activation=given)
    assert layer_kinds.activation_name(layer) == name
    assert layer_kinds.has_elementwise_activation(layer) is is_elementwise


def test_all_activations_of_keras_are_sorted_rightly(generator):
    """Whether a number in one channel changes another channel."""
    x = generator.normal(size=(5, 4)).astype("float32")
    changed = x.copy()
    changed[:, 0] += 1.0
    names = [
        name
        for name in dir(keras.activations)
        if name not in ("deserialize", "get", "serialize", "threshold")
        and not name.startswith("_")
    ]
    assert len(names) > 20
    for name in names:
        layer = layers.Activation(name)
        ours, theirs = (np.asarray(layer(v)) for v in (x, changed))
        mixes = ours.shape != x.shape or (ours != theirs)[:, 1:].any()
        assert layer_kinds.has_elementwise_activation(layer) is not mixes, name


def test_operations_are_no_layers():
    inputs = keras.Input((2,))
    operation = keras.Model(inputs, inputs + 1.0).operations[-1]
    assert layer_kinds.is_operation(operation, ("Add",))
    assert not layer_kinds.is_operation(operation, ("Multiply",))
    assert not layer_kinds.is_operation(layers.Add(), ("Add",))
