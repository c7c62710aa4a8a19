"""Turned weights compute what PyTorch's layers compute, written in NumPy."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune import weight_entries
from keras_transfer.finetune.weight_layouts import UnfitError
from keras_transfer.finetune.weight_layouts import epsilon_warnings
from keras_transfer.finetune.weight_layouts import layout_of
from tests.finetune import torch_twins
from tests.helpers import to_numpy

layers = keras.layers


def _model(shape, *parts):
    return keras.Sequential([keras.Input(shape), *parts])


def _fill(model, arrays):
    """Copies a list of entries to the weights of a model, in its order."""
    targets, _ = weight_entries.weights_of_model(model)
    sources = weight_entries.weights_of_arrays(arrays)
    for target in targets:
        (source,) = [s for s in sources if s.role == target.torch_role]
        layout = layout_of(source, target)
        turned = layout.turned(source.value)
        assert turned.shape == layout.shape == target.shape
        target.value.assign(turned)


def _compare(model, x, expected):
    found = to_numpy(model(torch_twins.channels_last(x), training=False))
    np.testing.assert_allclose(
        found, torch_twins.channels_last(expected), atol=1e-4
    )


CONVOLUTIONS = (
    (layers.Conv1D, 1, 1),
    (layers.Conv2D, 2, 1),
    (layers.Conv3D, 3, 1),
    (layers.Conv2D, 2, 2),
)


@pytest.mark.parametrize(
    ("kind", "rank", "groups"), CONVOLUTIONS, ids=["1d", "2d", "3d", "groups"]
)
def test_convolution(kind, rank, groups, generator):
    x = generator.normal(size=(2, 4, *(7, 6, 5)[:rank]))
    weight = generator.normal(size=(6, 4 // groups, *(3, 2, 1)[:rank]))
    bias = generator.normal(size=6)
    layer = kind(6, (3, 2, 1)[:rank], 2, groups=groups)
    model = _model((*x.shape[2:], 4), layer)
    _fill(model, {"c.weight": weight, "c.bias": bias})
    expected = torch_twins.convolve(x, weight, bias, 2, 0, groups)
    _compare(model, x, expected)


def test_padding_on_both_sides(generator):
    x = generator.normal(size=(2, 3, 8, 9))
    weight = generator.normal(size=(4, 3, 3, 3))
    convolution = layers.Conv2D(4, 3, 2, use_bias=False)
    model = _model((8, 9, 3), layers.ZeroPadding2D(1), convolution)
    _fill(model, {"c.weight": weight})
    _compare(model, x, torch_twins.convolve(x, weight, None, 2, 1))


@pytest.mark.parametrize(
    ("kind", "rank"),
    [(layers.DepthwiseConv1D, 1), (layers.DepthwiseConv2D, 2)],
    ids=["1d", "2d"],
)
def test_depthwise_convolution(kind, rank, generator):
    x = generator.normal(size=(2, 4, *(7, 6)[:rank]))
    weight = generator.normal(size=(12, 1, *(3, 3)[:rank]))
    bias = generator.normal(size=12)
    model = _model((*x.shape[2:], 4), kind(3, depth_multiplier=3))
    _fill(model, {"c.weight": weight, "c.bias": bias})
    _compare(model, x, torch_twins.convolve(x, weight, bias, groups=4))


@pytest.mark.parametrize(
    ("kind", "rank"),
    [
        (layers.Conv1DTranspose, 1),
        (layers.Conv2DTranspose, 2),
        (layers.Conv3DTranspose, 3),
    ],
    ids=["1d", "2d", "3d"],
)
def test_transposed_convolution(kind, rank, generator):
    x = generator.normal(size=(2, 4, *(3, 4, 2)[:rank]))
    weight = generator.normal(size=(4, 5, *(3, 2, 2)[:rank]))
    bias = generator.normal(size=5)
    model = _model((*x.shape[2:], 4), kind(5, (3, 2, 2)[:rank], 2))
    _fill(model, {"c.weight": weight, "c.bias": bias})
    expected = torch_twins.convolve_transposed(x, weight, bias, 2)
    _compare(model, x, expected)


def test_dense(generator):
    x = generator.normal(size=(3, 4))
    weight, bias = generator.normal(size=(4, 4)), generator.normal(size=4)
    model = _model((4,), layers.Dense(4))
    _fill(model, {"fc.weight": weight, "fc.bias": bias})
    _compare(model, x, torch_twins.linear(x, weight, bias))


@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 4), (2, 2, 3, 2)], ids=str)
def test_dense_behind_a_flattened_map(shape, generator):
    x = generator.normal(size=(2, *shape))
    width = x[0].size
    # As many outputs as inputs, so that the bias looks like a map too.
    weight = generator.normal(size=(width, width))
    bias = generator.normal(size=width)
    channels_last = (*shape[1:], shape[0])
    model = _model(
        channels_last,
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(width),
    )
    _fill(model, {"fc.weight": weight, "fc.bias": bias})
    flat = x.reshape(2, -1)
    _compare(model, x, torch_twins.linear(flat, weight, bias))


def test_batch_norm(generator):
    x = generator.normal(size=(2, 5, 3, 4))
    state = torch_twins.norm_state(generator, 5)
    model = _model((3, 4, 5), layers.BatchNormalization(epsilon=1e-5))
    _fill(model, {f"bn.{name}": value for name, value in state.items()})
    _compare(model, x, torch_twins.batch_norm(x, state))


def test_batch_norm_of_a_flattened_map(generator):
    x = generator.normal(size=(2, 5, 3, 2))
    state = torch_twins.norm_state(generator, 30)
    norm = layers.BatchNormalization(epsilon=1e-5)
    model = _model((3, 2, 5), layers.Flatten(), norm)
    _fill(model, {f"bn.{name}": value for name, value in state.items()})
    found = to_numpy(model(torch_twins.channels_last(x), training=False))
    expected = torch_twins.batch_norm(x.reshape(2, 30), state)
    order = np.arange(30).reshape(5, 3, 2).transpose(1, 2, 0).ravel()
    np.testing.assert_allclose(found, expected[:, order], atol=1e-5)


def test_embedding(generator):
    weight = generator.normal(size=(6, 4))
    model = _model((3,), layers.Embedding(6, 4))
    _fill(model, {"e.weight": weight})
    rows = np.array([[0, 5, 2]])
    np.testing.assert_allclose(model(rows), weight[rows], atol=1e-6)


def _layout(model, shape, name="c.weight"):
    targets, _ = weight_entries.weights_of_model(model)
    arrays = {name: np.zeros(shape)}
    return layout_of(weight_entries.weights_of_arrays(arrays)[0], targets[0])


def test_weights_of_keras_stay_as_they_are():
    model = _model((8, 8, 3), layers.Conv2D(3, 3))
    layout = _layout(model, (3, 3, 3, 3), "c/kernel")
    assert layout.shape == (3, 3, 3, 3) and not layout.steps


@pytest.mark.parametrize(
    ("part", "shape", "note"),
    [
        (layers.Conv2D(4, 5), (4, 3, 5, 5), "OIHW to HWIO"),
        (layers.Conv2DTranspose(4, 5), (3, 4, 5, 5), "IOHW to HWOI"),
        (layers.DepthwiseConv2D(5), (3, 1, 5, 5), "C1HW to HWC"),
        (layers.Dense(4), (4, 3), "OI to IO"),
        (layers.BatchNormalization(), (3,), ""),
    ],
    ids=["conv", "transposed", "depthwise", "dense", "norm"],
)
def test_what_was_done_is_said(part, shape, note):
    model = _model((8, 8, 3), part)
    layout = _layout(model, shape)
    assert layout.note == note
    assert layout.shape == tuple(model.layers[0].weights[0].shape)


@pytest.mark.parametrize(
    ("part", "shape", "reason"),
    [
        (layers.Conv2D(4, 5), (4, 3), "2 axes are not 4"),
        (layers.DepthwiseConv2D(5), (3, 3, 5, 5), "no depthwise kernel"),
        (layers.EinsumDense("...i,io->...o", 4), (4, 3), "EinsumDense"),
    ],
    ids=["axes", "depthwise", "unknown"],
)
def test_what_cannot_be_turned(part, shape, reason):
    with pytest.raises(UnfitError, match=reason):
        _layout(_model((8, 8, 3), part), shape)


def test_a_map_of_another_size():
    model = _model((7, 7, 3), layers.Flatten(), layers.Dense(2))
    with pytest.raises(UnfitError, match="75 inputs are not the 147"):
        _layout(model, (2, 75))


def test_an_epsilon_that_differs_is_told_once_for_all_layers():
    norms = [layers.BatchNormalization(name=f"n{i}") for i in range(5)]
    model = _model((4,), *norms, layers.LayerNormalization(epsilon=1e-5))
    targets, _ = weight_entries.weights_of_model(model)
    (source,) = weight_entries.weights_of_arrays({"x.weight": np.ones(4)})
    pairs = [(source, target) for target in targets]
    assert epsilon_warnings(pairs) == [
        "epsilon is 0.001 and was 1e-05 in n0, n1, n2 and 2 more layers"
    ]


def test_the_epsilon_of_another_model():
    models = [
        _model((4,), layers.BatchNormalization(epsilon=epsilon, name="n"))
        for epsilon in (1e-3, 2e-3, 1e-3)
    ]
    first, second, third = (
        weight_entries.weights_of_model(model)[0][0] for model in models
    )
    assert epsilon_warnings([(first, third)]) == []
    assert epsilon_warnings([(first, second)]) == [
        "epsilon is 0.002 and was 0.001 in n"
    ]
