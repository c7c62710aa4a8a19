"""Residual networks as PyTorch's torchvision builds them."""

from typing import NamedTuple

import keras
from keras import layers

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.checkpoints.read_weights import read_weights
from keras_transfer.finetune.transfer_weights import transfer_weights
from keras_transfer.layers.image_preprocessing import ImagePreprocessing
from keras_transfer.zoo.keras_applications import attach_preprocessing

#: Blocks in each of the four stages, and whether a block is a bottleneck.
_STAGES = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
_WIDTHS = (64, 128, 256, 512)
#: How much wider a bottleneck ends than it is inside.
_EXPANSION = 4
_EPSILON = 1e-5
#: Keras counts what stays, PyTorch what is new: 0.1.
_MOMENTUM = 0.9
#: ImageNet's, of pixels from 0 to 1, red first.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class _Convolution(NamedTuple):
    """A convolution and its norm, without and with their shared number."""

    suffix: str
    filters: int
    size: int
    strides: int


def resnet18(
    include_top=True,
    classes=1000,
    input_shape=(224, 224, 3),
    weights=None,
    pooling="avg",
):
    """Builds ResNet-18 as torchvision does, to take its weights.

    See `resnet` for what it is, its arguments, its result and its reference.

    Args:
        include_top: Whether to end in the classifier.
        classes: Number of its classes.
        input_shape: `(height, width, channels)`.
        weights: `None` or a file of PyTorch's weights.
        pooling: Without the top, `"avg"` or `None`.

    Returns:
        A Functional `keras.Model`.

    Example:

    >>> import keras_transfer as kt
    >>> model = kt.zoo.resnet18(classes=10, input_shape=(32, 32, 3))
    >>> model.count_params(), model.output_shape
    (11191242, (None, 10))
    """
    return resnet(18, include_top, classes, input_shape, weights, pooling)


def resnet50(
    include_top=True,
    classes=1000,
    input_shape=(224, 224, 3),
    weights=None,
    pooling="avg",
):
    """Builds ResNet-50 as torchvision does, to take its weights.

    It is another network than `keras.applications.ResNet50`, which has biases
    in its convolutions, another epsilon, and its strides in the first of
    three convolutions instead of the second. See `resnet` for its arguments,
    its result and its reference.

    Args:
        include_top: Whether to end in the classifier.
        classes: Number of its classes.
        input_shape: `(height, width, channels)`.
        weights: `None` or a file of PyTorch's weights.
        pooling: Without the top, `"avg"` or `None`.

    Returns:
        A Functional `keras.Model`.

    Example:

    >>> import keras_transfer as kt
    >>> backbone = kt.zoo.resnet50(False, input_shape=(32, 32, 3))
    >>> backbone.output_shape
    (None, 2048)
    """
    return resnet(50, include_top, classes, input_shape, weights, pooling)


def resnet(
    depth,
    include_top=True,
    classes=1000,
    input_shape=(224, 224, 3),
    weights=None,
    pooling="avg",
):
    """Builds a residual network as torchvision does, to take its weights.

    Names, strides ("version 1.5": in the 3x3 convolution of a bottleneck),
    symmetric padding and the epsilon 1e-5 of batch norm are torchvision's, so
    that with its weights the outputs are equal. `layer1.0.conv1` is called
    `layer1_0_conv1` here.

    The model takes pixels from 0 to 1, less ImageNet's mean and divided by
    its deviation. `model.preprocessing` is a layer that does this to pixels
    from 0 to 255, and is no part of the model:
    `model(model.preprocessing(images))`. Outputs are logits.

    Bad at: images of a few pixels, which it halves five times: 32 x 32 ends
    in 1 x 1.

    Args:
        depth: 18, 34, 50, 101 or 152.
        include_top: Whether to end in the classifier `fc`.
        classes: Number of its classes.
        input_shape: `(height, width, channels)`; sides may be `None`.
        weights: `None` for random ones, or a `.pt`, `.pth` or `.safetensors`
            file, which must fill the model; without the top its `fc` is left
            out. For other classes, build it without the top and add one.
        pooling: Without the top, `"avg"` for the mean over all places,
            `(batch, features)`, or `None` for the map itself.

    Returns:
        A Functional `keras.Model`, trainable.

    Raises:
        ValueError: If an argument is wrong or the file does not fit.

    Example:

    >>> import keras_transfer as kt
    >>> model = kt.zoo.resnet(34, False, input_shape=(64, 64, 3), pooling=None)
    >>> model.output_shape, model.get_layer("layer2_0_conv1").strides
    ((None, 2, 2, 512), (2, 2))

    Reference:

    - [He et al., 2016, Deep Residual Learning for Image Recognition,
      table 1](https://arxiv.org/abs/1512.03385)
    """
    _check(depth, classes, input_shape, pooling)
    inputs = keras.Input(input_shape)
    x = _stem(inputs)
    blocks, is_bottleneck = _STAGES[depth]
    for stage, (width, count) in enumerate(zip(_WIDTHS, blocks, strict=True)):
        for index in range(count):
            strides = 2 if stage > 0 and index == 0 else 1
            name = f"layer{stage + 1}_{index}"
            x = _block(x, width, strides, is_bottleneck, name)
    if include_top or pooling == "avg":
        x = layers.GlobalAveragePooling2D(
            data_format="channels_last", name="avgpool"
        )(x)
    if include_top:
        x = layers.Dense(classes, name="fc")(x)
    model = keras.Model(inputs, x, name=f"resnet{depth}")
    if weights is not None:
        _load(model, weights, include_top)
    if input_shape[-1] == len(_MEAN):
        size = None if None in input_shape else tuple(input_shape[:2])
        attach_preprocessing(
            model, ImagePreprocessing(size, mean=_MEAN, deviation=_DEVIATION)
        )
    return model


def _check(depth, classes, input_shape, pooling):
    if depth not in _STAGES:
        raise invalid_argument(
            "depth", depth, f"one of {', '.join(map(str, _STAGES))}"
        )
    if pooling not in ("avg", None):
        raise invalid_argument("pooling", pooling, "'avg' or None")
    if type(classes) is not int or classes < 1:
        raise invalid_argument("classes", classes, "a positive integer")
    is_shape = isinstance(input_shape, (tuple, list)) and len(input_shape) == 3
    if not is_shape or not input_shape[-1]:
        raise invalid_argument(
            "input_shape", input_shape, "(height, width, channels)"
        )


def _load(model, path, include_top):
    weights = read_weights(path)
    if not include_top:
        weights = {
            name: array
            for name, array in weights.items()
            if not name.startswith("fc.")
        }
    transfer_weights(
        weights, model, mapping="name", on_mismatch="error", verbose=False
    )


def _stem(x):
    x = _convolve(x, _Convolution("", 64, 7, 2), "conv1", "bn1")
    x = layers.ReLU(name="relu")(x)
    x = _padded(x, 1, "maxpool_pad")  # with zeros, which no ReLU is below
    return layers.MaxPooling2D(
        3, 2, data_format="channels_last", name="maxpool"
    )(x)


def _block(x, width, strides, is_bottleneck, name):
    """A residual block; the shortcut gets a convolution where sizes change."""
    if is_bottleneck:
        convolutions = (
            _Convolution("1", width, 1, 1),
            _Convolution("2", width, 3, strides),
            _Convolution("3", width * _EXPANSION, 1, 1),
        )
    else:
        convolutions = (
            _Convolution("1", width, 3, strides),
            _Convolution("2", width, 3, 1),
        )
    last = convolutions[-1]
    shortcut, end = x, last.filters
    for step in convolutions:
        names = f"{name}_conv{step.suffix}", f"{name}_bn{step.suffix}"
        x = _convolve(x, step, *names)
        if step is not last:
            x = layers.ReLU(name=f"{name}_relu{step.suffix}")(x)
    if strides != 1 or shortcut.shape[-1] != end:
        step = _Convolution("", end, 1, strides)
        names = f"{name}_downsample_0", f"{name}_downsample_1"
        shortcut = _convolve(shortcut, step, *names)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolve(x, step, name, norm_name):
    # "same" pads one side more where strides leave an odd number of pixels;
    # PyTorch pads both sides alike, which without strides is the same.
    padding = "same"
    if step.strides > 1:
        padding = "valid"
        x = _padded(x, step.size // 2, f"{name}_pad")
    x = layers.Conv2D(
        step.filters,
        step.size,
        step.strides,
        padding,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        data_format="channels_last",
        name=name,
    )(x)
    return layers.BatchNormalization(
        axis=-1, momentum=_MOMENTUM, epsilon=_EPSILON, name=norm_name
    )(x)


def _padded(x, width, name):
    if not width:
        return x
    return layers.ZeroPadding2D(width, data_format="channels_last", name=name)(
        x
    )
