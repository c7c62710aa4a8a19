"""Kernels: small factors equal their product, for every kind of layer."""

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

from keras_transfer.finetune.adapters import kernels
from tests import helpers
from tests.finetune.adapters import models

CASES = {
    "dense": (lambda: layers.Dense(3), (4, 6)),
    "embedding": (lambda: layers.Embedding(7, 4), None),
    "conv1d": (lambda: layers.Conv1D(4, 3, padding="same"), (8, 3)),
    "causal": (
        lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        (8, 3),
    ),
    "conv2d": (lambda: layers.Conv2D(4, (3, 2), strides=2), (8, 8, 3)),
    "conv3d": (lambda: layers.Conv3D(2, 2), (3, 3, 3, 2)),
    "rows": (lambda: layers.EinsumDense("abc,cd->abd", (None, 5)), (4, 6)),
    "heads": (lambda: layers.EinsumDense("abc,cde->abde", (4, 2, 3)), (4, 6)),
    "joined": (lambda: layers.EinsumDense("abcd,cde->abe", (4, 5)), (4, 2, 3)),
    "ellipsis": (lambda: layers.EinsumDense("...x,xy->...y", 5), (4, 6)),
    "before": (lambda: layers.EinsumDense("ax...,xy->ay...", (5, 4)), (6, 4)),
    "shared": (lambda: layers.EinsumDense("abc,bcd->abd", (4, 5)), (4, 6)),
    "turned": (lambda: layers.EinsumDense("abc,cde->aebd", (3, 4, 2)), (4, 6)),
    "summed": (lambda: layers.EinsumDense("abc,cd->ad", 5), (4, 6)),
}


def _case(name):
    create, shape = CASES[name]
    layer = create()
    x = (
        np.array([[1, 2, 0], [3, 6, 6]])
        if shape is None
        else models.rows(2, *shape)
    )
    layer(x)
    return layer, kernels.kernel_of(layer), x


@pytest.mark.parametrize("name", CASES)
def test_down_and_up_equal_the_layer_with_the_product(name):
    layer, kernel, x = _case(name)
    a, b = (models.rows(*shape) for shape in kernel.factor_shapes(2))
    small = helpers.to_numpy(kernel.up(kernel.down(ops.array(x), a), b))
    kernel.variable.assign(kernel.product(a, b))
    np.testing.assert_allclose(small, layer(x), atol=1e-5)
    assert np.abs(small).max() > 0.1
    assert sum(np.prod(s) for s in kernel.factor_shapes(1)) < np.prod(
        kernel.variable.shape
    )


@pytest.mark.parametrize("name", CASES)
def test_a_number_for_each_output_equals_a_scaled_kernel(name):
    layer, kernel, x = _case(name)
    values = models.rows(*kernel.sizes(kernel.features))
    y = layer(x)
    scaled = y * kernel.over_outputs(ops.array(values), len(y.shape))
    kernel.variable.assign(
        kernel.variable * kernel.over_kernel(values, kernel.features)
    )
    np.testing.assert_allclose(scaled, layer(x), atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(CASES) - {"embedding"}))
def test_a_number_for_each_input_equals_a_scaled_kernel(name):
    layer, kernel, x = _case(name)
    letters = kernel.input_features
    values = models.rows(*kernel.sizes(letters))
    scaled = layer(x * kernel.over_inputs(ops.array(values), x.ndim))
    kernel.variable.assign(
        kernel.variable * kernel.over_kernel(values, letters)
    )
    np.testing.assert_allclose(scaled, layer(x), atol=1e-5)


def test_channels_first():
    """TensorFlow has it on processors when XLA compiles."""
    layer = layers.Conv2D(4, 3, data_format="channels_first", use_bias=False)
    layer.build((2, 3, 6, 6))
    kernel = kernels.kernel_of(layer)
    a, b = (models.rows(*shape) for shape in kernel.factor_shapes(2))
    channels = models.rows(4)

    def small(x):
        y = kernel.up(kernel.down(x, a), b)
        return y * kernel.over_outputs(ops.array(channels), 4)

    x = ops.array(models.rows(2, 3, 6, 6))
    y = helpers.compiled(small)(x)
    kernel.variable.assign(kernel.product(a, b) * channels)
    np.testing.assert_allclose(y, helpers.compiled(layer)(x), atol=1e-5)


def _quantized():
    layer = layers.Dense(4)
    layer.build((2, 4))
    layer.quantize("int8")
    return layer


def _with_lora():
    layer = layers.Dense(4)
    layer.build((2, 4))
    layer.enable_lora(2)
    return layer


class MyDense(layers.Dense):
    """It might compute anything."""


@pytest.mark.parametrize(
    ("create", "reason"),
    [
        (lambda: layers.LSTM(3), "is a LSTM, which is not supported"),
        (lambda: MyDense(3), "is a MyDense, not a plain Dense"),
        (_quantized, "is quantized"),
        (_with_lora, "has Keras' own LoRA"),
        (lambda: layers.Conv1D(4, 3, groups=2), "has groups=2"),
    ],
    ids=["lstm", "subclass", "quantized", "lora", "groups"],
)
def test_refusals(create, reason):
    layer = create()
    if not layer.built:
        layer.build((2, 8, 4))
    assert kernels.refusal(layer) == reason


def test_others_are_not_refused():
    for name in sorted(CASES):
        assert kernels.refusal(_case(name)[0]) is None
    grouped = layers.Conv1D(4, 3, groups=2)
    grouped.build((2, 8, 4))
    assert kernels.refusal(grouped, grouped=True) is None


def test_an_axis_of_the_kernel_alone_is_refused():
    layer = layers.EinsumDense("ab,bcd->ac", 3)
    layer.kernel_initializer = keras.initializers.get("zeros")
    layer._kernel = layer.add_weight(shape=(2, 3, 4), name="kernel")
    layer.built = True
    assert "equation" in kernels.refusal(layer)
