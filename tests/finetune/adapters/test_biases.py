"""Biases: their shape over the outputs of every kind of layer."""

import numpy as np
import pytest
from keras import layers
from keras import ops

from keras_transfer.finetune.adapters import biases
from tests.finetune.adapters import models

CASES = {
    "dense": (lambda: layers.Dense(3), (4, 6)),
    "conv": (lambda: layers.Conv2D(4, 3), (5, 5, 2)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3), (5, 5, 2)),
    "separable": (lambda: layers.SeparableConv1D(3, 3), (5, 2)),
    "transposed": (lambda: layers.Conv1DTranspose(3, 3), (5, 2)),
    "heads": (
        lambda: layers.EinsumDense("abc,cde->abde", (4, 2, 3), bias_axes="de"),
        (4, 6),
    ),
    "one_axis": (
        lambda: layers.EinsumDense("abc,cde->abde", (4, 2, 3), bias_axes="d"),
        (4, 6),
    ),
    "batch_norm": (lambda: layers.BatchNormalization(), (4, 6)),
    "batch_norm_first": (lambda: layers.BatchNormalization(axis=1), (4, 6)),
    "layer_norm": (lambda: layers.LayerNormalization(), (4, 6)),
    "layer_norm_two": (lambda: layers.LayerNormalization((1, 2)), (4, 6)),
    "group_norm": (lambda: layers.GroupNormalization(2), (5, 6)),
}


@pytest.mark.parametrize("name", CASES)
def test_added_to_the_outputs_equals_a_larger_bias(name):
    create, shape = CASES[name]
    layer, x = create(), models.rows(2, *shape)
    y = layer(x)
    bias = biases.bias_of(layer)
    values = ops.array(models.rows(*bias.shape))
    shifted = y + biases.over_outputs(layer, values, len(y.shape))
    assert shifted.shape == y.shape
    assert biases.is_spread_as_usual(layer)
    bias.assign_add(values)
    np.testing.assert_allclose(shifted, layer(x), atol=1e-5)
    assert type(layer) in biases.KINDS


def test_other_axes_are_told_apart():
    layer = layers.LayerNormalization((1, 3))
    layer.build((2, 4, 5, 6))
    assert not biases.is_spread_as_usual(layer)


def test_no_bias():
    for layer in (
        layers.Dense(3, use_bias=False),
        layers.Embedding(3, 4),
        layers.BatchNormalization(center=False),
    ):
        layer.build((2, 4))
        assert biases.bias_of(layer) is None
