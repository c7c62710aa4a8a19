"""Pixels in the form that a pretrained network was trained on."""

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer._public import unknown_name

CHANNEL_ORDERS = ("RGB", "BGR", "L")
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
#: Luminance of ITU-R BT.601, as Pillow's mode "L" and `rgb_to_grayscale`.
_LUMINANCE = (0.299, 0.587, 0.114)


@public("layers")
class ImagePreprocessing(keras.layers.Layer):
    """Brings pixels from 0 to 255 into the range that a network expects.

    Stands inside the model, `backbone(backbone.preprocessing(inputs))`, so
    that training, the saved model and the exported signature cannot differ.

    Formula, with `x` the pixels, resized and in the given channel order:

        y = (low + x / 255 * (high - low) - mean) / deviation

    Args:
        size: `(height, width)` to resize to, or `None` to take any size.
            Inputs of this size already are left as they are.
        value_range: `(low, high)` that pixels from 0 to 255 are mapped to.
        mean: Mean of each channel, in the units of `value_range`, or `None`.
        deviation: Standard deviation of each channel, likewise.
        channel_order: `"RGB"` as images are decoded, `"BGR"` for networks
            ported from Caffe, or `"L"` for luminance, one channel. `mean` and
            `deviation` are in this order.
        interpolation: Resize rule, a name of `keras.layers.Resizing`.
        crop_to_aspect_ratio: Whether to cut off the longer sides, instead of
            squeezing an image whose aspect ratio differs.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Images, any dtype, from 0 to 255.

    Input shape:
        `(batch, height, width, 3)`; with `"L"` also 1 channel.

    Output shape:
        `(batch, *size, 3)`, 1 channel with `"L"`; of the layer's compute
        dtype, calculated in float32.

    Bad at: resizing photos to a fraction of their size, as Keras' rules do
    not smooth before they sample.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import layers
    >>> layer = layers.ImagePreprocessing((2, 2), value_range=(-1, 1))
    >>> pixels = np.full((1, 4, 4, 3), 255, "uint8")
    >>> layer(pixels).shape, float(layer(pixels)[0, 0, 0, 0])
    (TensorShape([1, 2, 2, 3]), 1.0)

    Reference:

    - The conventions of `keras.applications`' `preprocess_input` and of the
      image signatures of TF-Hub are special cases.
    """

    def __init__(
        self,
        size=None,
        value_range=(0.0, 1.0),
        mean=None,
        deviation=None,
        channel_order="RGB",
        interpolation="bilinear",
        crop_to_aspect_ratio=False,
        **kwargs,
    ):
        if channel_order not in CHANNEL_ORDERS:
            raise unknown_name("channel_order", channel_order, CHANNEL_ORDERS)
        if interpolation not in INTERPOLATIONS:
            raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
        if size is not None and (not _is_pair(size) or min(size) < 1):
            raise invalid_argument("size", size, "(height, width) in pixels")
        if not _is_pair(value_range) or not value_range[0] < value_range[1]:
            raise invalid_argument(
                "value_range", value_range, "two numbers, the lower first"
            )
        channels = 1 if channel_order == "L" else 3
        _check_channels("mean", mean, channels)
        _check_channels("deviation", deviation, channels)
        if deviation is not None and min(deviation) <= 0:
            raise invalid_argument("deviation", deviation, "positive numbers")
        # Its inputs are pixels, which half precision would round.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.size = None if size is None else tuple(size)
        self.value_range = tuple(value_range)
        self.mean = None if mean is None else tuple(mean)
        self.deviation = None if deviation is None else tuple(deviation)
        self.channel_order = channel_order
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.built = True

    def call(self, inputs):
        images = self._in_order(ops.cast(inputs, "float32"))
        if self.size is not None and tuple(images.shape[1:3]) != self.size:
            images = ops.image.resize(
                images,
                self.size,
                interpolation=self.interpolation,
                crop_to_aspect_ratio=self.crop_to_aspect_ratio,
                data_format="channels_last",
            )
        low, high = self.value_range
        images = images * ((high - low) / 255.0) + low
        if self.mean is not None:
            images = images - ops.convert_to_tensor(self.mean, "float32")
        if self.deviation is not None:
            images = images / ops.convert_to_tensor(self.deviation, "float32")
        return ops.cast(images, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = self.size or (height, width)
        channels = 1 if self.channel_order == "L" else channels
        return (batch, height, width, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "value_range": self.value_range,
            "mean": self.mean,
            "deviation": self.deviation,
            "channel_order": self.channel_order,
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
        }

    def _in_order(self, images):
        shape = tuple(images.shape)
        expected = (1, 3) if self.channel_order == "L" else (3,)
        if len(shape) != 4 or shape[-1] not in expected:
            raise ValueError(
                f"The layer {self.name!r} takes images of shape (batch, "
                f"height, width, {expected[-1]}). Received: {shape}."
            )
        if self.channel_order == "BGR":
            return ops.flip(images, axis=-1)
        if self.channel_order == "L" and shape[-1] == 3:
            weights = ops.convert_to_tensor(_LUMINANCE, "float32")
            return ops.sum(images * weights, axis=-1, keepdims=True)
        return images


def _is_pair(value):
    return isinstance(value, (tuple, list)) and len(value) == 2


def _check_channels(name, value, channels):
    if value is not None and len(value) != channels:
        raise invalid_argument(name, value, f"{channels} numbers, or None")
