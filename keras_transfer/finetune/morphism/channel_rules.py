"""What each kind of layer does with channels, the last axis of a tensor.

A channel map of a tensor is an integer array g: channel j of the new tensor
is channel g(j) of the old one.
"""

import collections.abc
import dataclasses
import math

import keras
import numpy as np
from keras import layers

from keras_transfer.finetune.morphism import layer_kinds


@dataclasses.dataclass(frozen=True)
class Weight:
    """How one axis of a weight follows a channel map.

    Attributes:
        name: Attribute of the layer.
        axis: Axis of the variable.
        follows: `"input"` or `"output"`: whose map.
        divides: Whether copies share the value.
        repeats: How many neighbours in this axis belong to one channel.
    """

    name: str
    axis: int
    follows: str
    divides: bool = False
    repeats: int = 1


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a call does with channels.

    Attributes:
        width: Key of the config for the number of channels that the layer
            makes itself, or `None`.
        ties: Whether the output has the channels of the inputs.
        derive: Function from the maps of the inputs (`None` for those that
            stay) to that of the output, or `None`.
        weights: Tuple of `Weight`.
        refusal: Why no channels can be copied here, or `None`.
        output_refusal: Why those of the output cannot, or `None`.
    """

    width: str | None = None
    ties: bool = False
    derive: collections.abc.Callable | None = None
    weights: tuple = ()
    refusal: str | None = None
    output_refusal: str | None = None


def rule_of(operation, call):
    """The `Rule` of a layer or operation in one of its calls.

    Only the layers of Keras are known: a subclass may do anything.
    """
    kind = type(operation)
    if getattr(operation, "data_format", None) == "channels_first":
        return _refused(operation, "has its channels first")
    if kind is layers.Dense:
        return _mixing(operation, "units", -2, -1)
    if kind in layer_kinds.CONVS:
        return _mixing(operation, "filters", -2, -1)
    if kind in layer_kinds.TRANSPOSED_CONVS:
        return _mixing(operation, "filters", -1, -2)
    if kind is layers.Embedding:
        return Rule("output_dim", weights=(Weight("embeddings", 1, "output"),))
    if kind in layer_kinds.SEPARABLE_CONVS:
        return _separable(operation)
    if kind in layer_kinds.DEPTHWISE_CONVS:
        return _depthwise(operation)
    if kind is layers.BatchNormalization:
        return _batch_norm(operation, call)
    if kind in layer_kinds.CHANNELWISE:
        return Rule(ties=True)
    if kind in (layers.Activation, layers.PReLU):
        return _activation(operation)
    if kind in (layers.Flatten, layers.Reshape):
        return _reshaped(operation, call)
    return _joined_or_unknown(operation, call)


def _refused(operation, what):
    return Rule(refusal=f"{type(operation).__name__} {operation.name!r} {what}")


def _mixing(layer, width, in_axis, out_axis):
    if getattr(layer, "groups", 1) != 1:
        return _refused(layer, "is a grouped convolution")
    return Rule(
        width,
        weights=(
            Weight("kernel", in_axis, "input", divides=True),
            Weight("kernel", out_axis, "output"),
            *_bias(layer),
        ),
        output_refusal=_mixed_by_activation(layer),
    )


def _mixed_by_activation(layer):
    """Why the channels of a layer that ends with softmax cannot be copied."""
    if layer_kinds.has_elementwise_activation(layer):
        return None
    name = layer_kinds.activation_name(layer)
    return f"{type(layer).__name__} {layer.name!r} ends with {name!r}"


def _bias(layer):
    return (Weight("bias", 0, "output"),) if layer.use_bias else ()


def _separable(layer):
    multiplier = layer.depth_multiplier
    return Rule(
        "filters",
        weights=(
            Weight("depthwise_kernel", -2, "input"),
            Weight(
                "pointwise_kernel",
                -2,
                "input",
                divides=True,
                repeats=multiplier,
            ),
            Weight("pointwise_kernel", -1, "output"),
            *_bias(layer),
        ),
        output_refusal=_mixed_by_activation(layer),
    )


def _depthwise(layer):
    refusal = _mixed_by_activation(layer)
    if refusal:
        return Rule(refusal=refusal)
    weights = (Weight("kernel", -2, "input"), *_bias(layer))
    multiplier = layer.depth_multiplier
    if multiplier == 1:
        return Rule(ties=True, weights=weights)

    def derive(maps):
        return None if maps[0] is None else repeated(maps[0], multiplier)

    return Rule(derive=derive, weights=weights)


def _batch_norm(layer, call):
    axis = layer.axis[0] if isinstance(layer.axis, list) else layer.axis
    if axis not in (-1, len(call.inputs[0].shape) - 1):
        return _refused(layer, "does not normalize the last axis")
    names = ["moving_mean", "moving_variance"]
    names += ["gamma"] if layer.scale else []
    names += ["beta"] if layer.center else []
    return Rule(
        ties=True, weights=tuple(Weight(name, 0, "output") for name in names)
    )


def _activation(layer):
    if type(layer) is layers.PReLU:
        if layer.alpha.shape[-1] == 1:
            return Rule(ties=True)
        return Rule(ties=True, weights=(Weight("alpha", -1, "output"),))
    return Rule(ties=True, refusal=_mixed_by_activation(layer))


def _reshaped(layer, call):
    shape = call.inputs[0].shape[1:]
    if None in shape:
        return _refused(layer, "has inputs of no fixed size")
    if type(layer) is layers.Flatten:
        return Rule(derive=_flattened(shape))
    size = math.prod(shape)
    target = tuple(layer.target_shape)
    known = math.prod(part for part in target if part != -1)
    target = tuple(size // known if part == -1 else part for part in target)
    if target[-1] == shape[-1]:
        return Rule(ties=True)
    if len(target) == 1:
        return Rule(derive=_flattened(shape))
    return _refused(layer, "takes the channels apart")


def _flattened(shape):
    positions, channels = math.prod(shape[:-1]), shape[-1]

    def derive(maps):
        if maps[0] is None:
            return None
        starts = np.arange(positions)[:, None] * channels
        return (starts + maps[0]).ravel()

    return derive


def _joined_or_unknown(operation, call):
    if type(operation) is layers.Concatenate or layer_kinds.is_operation(
        operation, ("Concatenate",)
    ):
        return _concatenated(operation, call)
    if layer_kinds.is_operation(operation, layer_kinds.CHANNELWISE_OPERATIONS):
        if call.is_plain:
            return Rule(ties=True)
        return _refused(operation, "takes an array")
    if isinstance(operation, layer_kinds.NORMS_OVER_CHANNELS):
        return _refused(operation, "normalizes over the channels")
    if isinstance(operation, keras.Model):
        return _refused(operation, "is a model inside the model")
    return _refused(operation, "mixes the channels, or may do so")


def _concatenated(operation, call):
    shapes = [tensor.shape for tensor in call.inputs]
    if operation.axis not in (-1, len(shapes[0]) - 1):
        return Rule(ties=True)
    offsets = np.cumsum([0, *[shape[-1] for shape in shapes]])

    def derive(maps):
        if all(one is None for one in maps):
            return None
        parts = [
            offset + (np.arange(shape[-1]) if one is None else one)
            for offset, shape, one in zip(offsets, shapes, maps, strict=False)
        ]
        return np.concatenate(parts)

    return Rule(derive=derive)


def repeated(channel_map, repeats):
    """The map where each channel is `repeats` neighbours."""
    return (channel_map[:, None] * repeats + np.arange(repeats)).ravel()
