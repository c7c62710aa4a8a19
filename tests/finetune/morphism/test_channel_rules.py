"""What layers do with channels, compared with what they compute."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism import channel_rules
from keras_transfer.finetune.morphism.graph import Graph

MAP = np.array([0, 1, 2, 3, 1, 1])


def rule_for(layer, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    output = layer(inputs if len(inputs) > 1 else inputs[0])
    graph = Graph(keras.Model(inputs, output))
    return channel_rules.rule_of(layer, graph.calls[layer.name][0])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.MaxPooling2D(), (4, 4, 4)),
        (layers.GlobalAveragePooling2D(keepdims=True), (4, 4, 4)),
        (layers.UpSampling2D(interpolation="bilinear"), (2, 2, 4)),
        (layers.ZeroPadding1D(1), (3, 4)),
        (layers.Cropping1D(1), (3, 4)),
        (layers.RepeatVector(2), (4,)),
        (layers.Activation("gelu"), (4,)),
        (layers.ELU(), (4,)),
        (layers.Reshape((2, 1, 4)), (2, 4)),
        (layers.BatchNormalization(), (2, 4)),
    ],
    ids=lambda value: getattr(value, "name", str(value)).rstrip("_0123456789"),
)
def test_tied_layers_copy_what_they_are_given(generator, layer, shape):
    rule = rule_for(layer, shape)
    assert rule.ties
    x = generator.normal(size=(2, *shape)).astype("float32")
    before = np.asarray(layer(x))
    config = layer.get_config()
    if type(layer) is layers.Reshape:
        config["target_shape"] = (2, 1, 6)
    after = np.asarray(type(layer).from_config(config)(x[..., MAP]))
    np.testing.assert_allclose(after, before[..., MAP], atol=1e-6)


@pytest.mark.parametrize("layer", [layers.Flatten(), layers.Reshape((-1,))])
def test_flattened_channels(generator, layer):
    x = generator.normal(size=(2, 3, 2, 4)).astype("float32")
    derived = rule_for(layer, (3, 2, 4)).derive([MAP])
    expected = x[..., MAP].reshape(2, -1)
    np.testing.assert_array_equal(x.reshape(2, -1)[:, derived], expected)
    assert rule_for(layer, (3, 2, 4)).derive([None]) is None


def test_concatenated_channels(generator):
    x, y = (generator.normal(size=(2, n)) for n in (4, 3))
    rule = rule_for(layers.Concatenate(), (4,), (3,))
    derived = rule.derive([MAP, None])
    expected = np.concatenate([x[:, MAP], y], axis=1)
    np.testing.assert_array_equal(
        np.concatenate([x, y], axis=1)[:, derived], expected
    )
    assert rule.derive([None, None]) is None
    assert rule_for(layers.Concatenate(axis=1), (2, 4), (3, 4)).ties


def test_depthwise_channels():
    layer = layers.DepthwiseConv1D(1, depth_multiplier=2)
    rule = rule_for(layer, (3, 4))
    assert not rule.ties
    derived = rule.derive([MAP])
    assert list(derived) == [0, 1, 2, 3, 4, 5, 6, 7, 2, 3, 2, 3]
    assert rule_for(layers.DepthwiseConv1D(1), (3, 4)).ties


def test_weights_say_which_axes_there_are():
    """The width of each axis is that of the inputs or the outputs."""
    for layer in (
        layers.Dense(5),
        layers.Conv2D(5, 2),
        layers.Conv2DTranspose(5, 2),
        layers.SeparableConv2D(5, 2, depth_multiplier=3),
        layers.DepthwiseConv2D(2),
        layers.BatchNormalization(),
        layers.PReLU(),
    ):
        rule = rule_for(layer, (6, 6, 4))
        widths = {"input": 4, "output": 5 if rule.width else 4}
        for weight in rule.weights:
            shape = getattr(layer, weight.name).shape
            expected = widths[weight.follows] * weight.repeats
            assert shape[weight.axis] == expected, (layer.name, weight)
        named = {weight.name for weight in rule.weights}
        assert len(named) == len(layer.weights)


class OwnDense(layers.Dense):
    pass


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (OwnDense(2), (4,), "OwnDense .* may do so"),
        (layers.Flatten(), (None, 4), "no fixed size"),
        (layers.BatchNormalization(axis=1), (3, 4), "the last axis"),
        (
            layers.Flatten(data_format="channels_first"),
            (3, 4),
            "channels first",
        ),
        (layers.DepthwiseConv1D(1, activation="softmax"), (3, 4), "softmax"),
    ],
    ids=["subclass", "size", "axis", "channels_first", "softmax"],
)
def test_refusals(layer, shape, message):

    assert re.search(message, rule_for(layer, shape).refusal)


def test_softmax_may_be_fed_but_not_widened():
    rule = rule_for(layers.Dense(3, activation="softmax"), (4,))
    assert rule.refusal is None
    assert "softmax" in rule.output_refusal
