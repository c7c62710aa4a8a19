"""Larger kernels: where the old one stands, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.grow_kernel import _offset as offset_of
from keras_transfer.finetune.morphism.grow_kernel import grow_kernel
from tests import helpers
from tests.finetune.morphism import architectures

RANKS = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}


def single(layer, *shape):
    inputs = keras.Input(shape)
    return architectures.randomized(keras.Model(inputs, layer(inputs)))


def conv(size, rank=1, **options):
    options = {"padding": "same", "name": "conv", **options}
    return RANKS[rank](3, size, **options)


def numpy_same_conv(x, kernel, stride):
    """One channel, `padding="same"`, from the definition."""
    size, length = len(kernel), len(x)
    count = -(-length // stride)
    total = max((count - 1) * stride + size - length, 0)
    x = np.pad(x, (total // 2, total - total // 2 + size))
    return [
        (x[i * stride : i * stride + size] * kernel).sum() for i in range(count)
    ]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("length", [7, 8, 9])
def test_every_size_that_is_not_refused_is_exact(length, stride, generator):
    """The arithmetic of the padding against the definition in NumPy."""
    accepted = 0
    for old in (1, 2, 3, 4):
        layer = conv(old, strides=stride)
        for new in range(old + 1, 8):
            try:
                offset = offset_of(layer, 0, new, {length})
            except ValueError:
                continue
            accepted += 1
            x, kernel = (
                generator.normal(size=length),
                generator.normal(size=old),
            )
            grown = np.pad(kernel, (offset, new - old - offset))
            np.testing.assert_allclose(
                numpy_same_conv(x, grown, stride),
                numpy_same_conv(x, kernel, stride),
            )
    assert accepted > 15


@pytest.mark.parametrize(
    ("layer", "size", "shape"),
    [
        (conv(3, 2), 5, (6, 5, 2)),
        (conv(3, 2), (5, 3), (6, 5, 2)),
        (conv(2, 2, strides=2), 4, (None, 5, 2)),
        (conv(1, 2, strides=2), 3, (6, 7, 2)),
        (conv(3, 2, dilation_rate=2), 5, (9, 9, 2)),
        (conv(3, groups=3), 7, (8, 6)),
        (conv(2, padding="causal", dilation_rate=2), 4, (8, 2)),
        (conv(1, 3), 2, (3, 4, 3, 2)),
        (
            layers.DepthwiseConv2D(3, padding="same", name="conv"),
            5,
            (6, 6, 2),
        ),
        (
            layers.SeparableConv1D(3, 2, padding="same", name="conv"),
            3,
            (6, 2),
        ),
    ],
    ids=[
        "image",
        "one_axis",
        "even_and_stride",
        "one_and_stride",
        "dilated",
        "grouped",
        "causal",
        "volume",
        "depthwise",
        "separable",
    ],
)
def test_layers_compute_the_same(layer, size, shape):
    model = single(layer, *shape)
    grown = grow_kernel(model, "conv", size)
    fixed = [6 if length is None else length for length in shape]
    for first in {fixed[0], 7 if shape[0] is None else fixed[0]}:
        x = np.random.default_rng(0).normal(size=(2, first, *fixed[1:]))
        x = x.astype("float32")
        assert architectures.difference(model, grown, x) < 1e-5
    assert grown.count_params() > model.count_params()
    kernel = grown.get_layer("conv").get_weights()[0]
    assert kernel.shape[0] == grown.get_layer("conv").kernel_size[0]
    assert (kernel == 0).any()


def test_the_old_kernel_stands_in_the_middle():
    model = architectures.conv_net()
    grown = grow_kernel(model, "conv_1", 7)
    old, new = (m.get_layer("conv_1").get_weights() for m in (model, grown))
    np.testing.assert_array_equal(new[0][2:5, 2:5], old[0])
    assert np.count_nonzero(new[0]) == old[0].size
    np.testing.assert_array_equal(new[1], old[1])


def test_gradients_reach_the_new_taps_and_lower_the_loss():
    grown = grow_kernel(architectures.conv_net(), "conv_1", 5)
    x = architectures.inputs_of(grown, 4)

    def loss():
        return keras.ops.mean(keras.ops.square(grown(x) - 1.0))

    kernel = grown.get_layer("conv_1").kernel
    (gradient,) = helpers.gradients_of_variables(loss, [kernel])
    assert np.abs(gradient[0]).min() > 0
    before = float(loss())
    kernel.assign(helpers.to_numpy(kernel) - 1e-4 * gradient)
    assert float(loss()) < before


@pytest.mark.parametrize(
    ("layer", "size", "length", "message"),
    [
        (conv(3, padding="valid"), 5, 8, "'same' or 'causal' padding"),
        (conv(1, strides=2), 3, None, "keeps its place"),
        (conv(2, strides=2), 5, None, "keeps its place"),
        (conv(2, dilation_rate=2), 3, 8, "keeps its place"),
        (conv(3), 3, 8, "`size`.*above"),
        (conv(3), 2, 8, "`size`.*above"),
        (conv(3), (5, 5), 8, "`size`.*above"),
        (conv(3), True, 8, "`size`.*above"),
        (layers.Dense(3, name="conv"), 3, 8, "name of a convolution"),
        (
            layers.Conv1DTranspose(3, 3, padding="same", name="conv"),
            5,
            8,
            "name of a convolution",
        ),
    ],
    ids=[
        "valid",
        "stride",
        "parity",
        "dilation",
        "same",
        "smaller",
        "rank",
        "bool",
        "dense",
        "transposed",
    ],
)
def test_refusals(layer, size, length, message):
    with pytest.raises(ValueError, match=message):
        grow_kernel(single(layer, length, 2), "conv", size)
