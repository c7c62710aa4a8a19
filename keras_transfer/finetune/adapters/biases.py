"""What is added to the outputs of Keras' layers, by its names and shapes."""

import keras
from keras import ops

from keras_transfer.finetune.adapters import kernels

_NORMS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)
_OTHERS = (
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
#: Layers whose outputs are shifted by their bias, or beta.
KINDS = (*kernels.KINDS, *_OTHERS, *_NORMS)


def bias_of(layer):
    """The bias of a layer, the beta of a norm, or `None`."""
    if isinstance(layer, keras.layers.Embedding):
        return None
    return layer.beta if isinstance(layer, _NORMS) else layer.bias


def over_outputs(layer, values, rank):
    """Values in the shape of a bias, in a shape that adds to the outputs."""
    axis = _axis(layer)
    if axis == -1 or axis == rank - 1 or len(values.shape) != 1:
        return values
    return ops.reshape(
        values, [-1 if i == axis % rank else 1 for i in range(rank)]
    )


def is_spread_as_usual(layer):
    """Whether `over_outputs` is right for a layer of one of `KINDS`."""
    axis = getattr(layer, "axis", -1)
    if not isinstance(axis, list | tuple):
        return True
    # Of the last axes only, in their order; counted from the end.
    return list(axis) == list(range(-len(axis), 0)) or _are_last(layer, axis)


def _are_last(layer, axis):
    rank = len(layer.get_build_config()["input_shape"])
    return [i % rank for i in axis] == list(range(rank - len(axis), rank))


def _axis(layer):
    if isinstance(layer, _NORMS):
        return layer.axis if isinstance(layer.axis, int) else -1
    is_first = getattr(layer, "data_format", "") == "channels_first"
    return 1 if is_first else -1
