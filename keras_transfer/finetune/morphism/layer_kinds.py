"""The layers of Keras, by what they do with channels."""

import keras
from keras import layers


def of_each_rank(*names):
    """The layers for sequences, images and volumes: `"Conv"` is three."""
    return tuple(
        getattr(layers, f"{name}{rank}D")
        for name in names
        for rank in (1, 2, 3)
    )


CONVS = of_each_rank("Conv")
TRANSPOSED_CONVS = (
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
SEPARABLE_CONVS = (layers.SeparableConv1D, layers.SeparableConv2D)
DEPTHWISE_CONVS = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)

#: Each output channel is a weighted sum of input channels.
MIXING = (
    layers.Dense,
    layers.Embedding,
    *CONVS,
    *TRANSPOSED_CONVS,
    *SEPARABLE_CONVS,
)

POOLING = of_each_rank(
    "AveragePooling", "GlobalAveragePooling", "GlobalMaxPooling", "MaxPooling"
)
#: These take some of the numbers, and zeros.
SELECTING = (
    layers.Dropout,
    layers.Identity,
    layers.RepeatVector,
    *of_each_rank("Cropping", "SpatialDropout", "ZeroPadding"),
)
#: What is done to a channel is done to each copy of it.
CHANNELWISE = (
    layers.ActivityRegularization,
    layers.Add,
    layers.AlphaDropout,
    layers.Average,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.LeakyReLU,
    layers.Maximum,
    layers.Minimum,
    layers.Multiply,
    layers.ReLU,
    layers.Subtract,
    *POOLING,
    *SELECTING,
    *of_each_rank("UpSampling"),
)
NORMS_OVER_CHANNELS = (
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.RMSNormalization,
    layers.UnitNormalization,
)

#: Operations of `keras.ops`, as `x + y` makes them, which are no layers.
CHANNELWISE_OPERATIONS = frozenset(
    (
        "Absolute",
        "Add",
        "Divide",
        "Elu",
        "Exp",
        "Gelu",
        "HardSigmoid",
        "HardSilu",
        "LeakyRelu",
        "Maximum",
        "Minimum",
        "Multiply",
        "Negative",
        "Relu",
        "Relu6",
        "Selu",
        "Sigmoid",
        "Silu",
        "Softplus",
        "Softsign",
        "Square",
        "Subtract",
        "Tanh",
        "TrueDivide",
    )
)
#: Activations that mix channels.
_MIXING_ACTIVATIONS = ("glu", "log_softmax", "softmax", "sparsemax")


def is_operation(operation, names):
    """Whether this is an operation of `keras.ops` with one of these names."""
    return (
        not isinstance(operation, layers.Layer)
        and type(operation).__module__.split(".")[0] == "keras"
        and type(operation).__name__ in names
    )


def activation_name(layer):
    """Name of the activation of a layer, `"linear"` if there is none.

    Functions that are not those of Keras have names in angle brackets.
    """
    activation = getattr(layer, "activation", None)
    if activation is None:
        return "linear"
    name = getattr(activation, "__name__", type(activation).__name__)
    is_known = getattr(keras.activations, name, None) is activation
    return name if is_known else f"<{name}>"


def has_elementwise_activation(layer):
    """Whether the activation is known to treat each number by itself."""
    name = activation_name(layer)
    return not name.startswith("<") and name not in _MIXING_ACTIVATIONS
