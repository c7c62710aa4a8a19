"""JPEG and PNG files into pixels, inside the graph of a signature."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_transfer import layers
from keras_transfer._public import invalid_argument

#: First bytes of the formats that are taken.
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
#: Larger images are refused by their header: decoding takes 3 bytes a pixel,
#: and a file of 400 KB can hold 144 megapixels.
MAX_PIXELS = 25_000_000


class ResizeRule(NamedTuple):
    """How an image comes to the size of the model, as `keras.layers.Resizing`.

    Attributes:
        size: `(height, width)`.
        channels: 1 for grey, 3 for RGB.
        interpolation: Name of the rule.
        crop_to_aspect_ratio: Whether the longer sides are cut off.
    """

    size: tuple[int, int]
    channels: int
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False

    def resizing(self):
        """The layer that does it, in training too."""
        return keras.layers.Resizing(
            *self.size,
            interpolation=self.interpolation,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            data_format="channels_last",
            dtype="float32",
        )


def takes_images(served):
    """Whether the one input of a model is of grey or RGB images."""
    if len(served.input_specs) != 1:
        return False
    (spec,) = served.input_specs.values()
    is_number = spec.dtype.is_floating or spec.dtype.is_integer
    return spec.shape.rank == 4 and spec.shape[-1] in (1, 3) and is_number


def facts(rule, max_pixels):
    """What the model card says of images: a dict."""
    return {
        **rule._asdict(),
        "pixels": "0 to 255",
        "resizing": "keras.layers.Resizing, in training too",
        "formats": ["JPEG", "PNG"],
        "exif_rotation": "not applied, in training neither",
        "max_pixels": max_pixels,
    }


def resize_rule(served):
    """The rule for a model: its input's size, its preprocessing's way.

    Args:
        served: A `ServedModel`.

    Raises:
        ValueError: If the model takes no images of a size that can be known.
    """
    name, spec = served.only_input("image_bytes")
    *size, channels = spec.shape.as_list()[1:]
    if not takes_images(served):
        raise invalid_argument(
            "signatures",
            "image_bytes",
            "a model of images (batch, height, width, 3)",
            f"This one takes {name!r} of shape {tuple(spec.shape)}.",
        )
    own = _resizing_layer(served.model)
    if None in size:
        size = _size_of(own)
    if size is None:
        raise ValueError(
            "The signature 'image_bytes' brings every image to one size, and "
            "the model takes any. Give its input a size, or put a "
            "keras_transfer.layers.ImagePreprocessing with a size into it."
        )
    if own is None:
        return ResizeRule(tuple(size), channels)
    return ResizeRule(
        tuple(size), channels, own.interpolation, own.crop_to_aspect_ratio
    )


def decoder(rule, dtype, max_pixels=MAX_PIXELS, mask=False):
    """Makes the function from files to pixels.

    Every row is looked at before it is decoded: its format by the first
    bytes (JPEG or PNG, nothing else), its number of pixels by the header. EXIF
    rotation is not applied, in training neither.

    Args:
        rule: A `ResizeRule`.
        dtype: Dtype of the pixels.
        max_pixels: Most pixels of an image.
        mask: Whether rows that fail are blank and marked instead of refused.
            A file that is damaged behind its header still fails the request.

    Returns:
        A function from strings `(B,)` to `(pixels, valid)`: `(B, height,
        width, channels)` from 0 to 255, and booleans `(B,)`.
    """
    resizing = rule.resizing()
    blank = tf.zeros((*rule.size, rule.channels), dtype)

    def decode_row(contents):
        fault = _fault(contents, max_pixels)
        if mask:
            valid = tf.equal(fault, "")
            return tf.cond(
                valid, lambda: pixels(contents), lambda: blank
            ), valid
        refuse = tf.debugging.Assert(tf.equal(fault, ""), [fault])
        with tf.control_dependencies([refuse]):
            return pixels(tf.identity(contents)), True

    def pixels(contents):
        image = tf.cond(
            _starts_with(contents, _PNG),
            lambda: tf.io.decode_png(contents, channels=rule.channels),
            lambda: tf.io.decode_jpeg(contents, channels=rule.channels),
        )
        image = resizing(tf.cast(image, tf.float32))
        image = tf.ensure_shape(image, (*rule.size, rule.channels))
        if not dtype.is_floating:
            image = tf.round(image)
        return tf.cast(image, dtype)

    def decode(contents):
        # Only a CPU has these operations.
        with tf.device("/CPU:0"):
            return tf.map_fn(
                decode_row,
                contents,
                fn_output_signature=(
                    tf.TensorSpec(blank.shape, dtype),
                    tf.TensorSpec((), tf.bool),
                ),
            )

    return decode


def decode_eagerly(contents, rule, dtype):
    """The pixels of one file as training sees them, an array."""
    image = tf.io.decode_image(
        contents, channels=rule.channels, expand_animations=False
    )
    image = rule.resizing()(tf.cast(image, tf.float32))
    image = image if dtype.is_floating else tf.round(image)
    return tf.cast(image, dtype).numpy()


def encode(images):
    """Files for images, PNG and JPEG in turn: samples for a signature.

    Args:
        images: Array `(rows, height, width, channels)` from 0 to 255.

    Returns:
        Array `(rows,)` of bytes.
    """
    pixels = np.clip(np.rint(images), 0, 255).astype("uint8")
    encoders = (tf.io.encode_png, tf.io.encode_jpeg)
    files = [
        encoders[row % 2](image).numpy() for row, image in enumerate(pixels)
    ]
    return np.array(files, dtype=object)


def _fault(contents, max_pixels):
    """What is wrong with a file, as a scalar string; empty if nothing is."""
    is_png = _starts_with(contents, _PNG)
    is_jpeg = _starts_with(contents, _JPEG)
    size = tf.case(
        [
            (is_png, lambda: _png_size(contents)),
            (is_jpeg, lambda: _jpeg_size(contents)),
        ],
        default=lambda: tf.zeros([2], tf.int64),
    )
    is_image = is_png | is_jpeg
    return tf.case(
        [
            (~is_image, lambda: tf.constant("is neither JPEG nor PNG")),
            (
                tf.reduce_any(size <= 0),
                lambda: tf.constant("has a damaged header"),
            ),
            (
                tf.reduce_prod(size) > max_pixels,
                lambda: tf.strings.format(
                    f"has more than {max_pixels} pixels: {{}}", size
                ),
            ),
        ],
        default=lambda: tf.constant(""),
    )


def _starts_with(contents, magic):
    # `substr` fails on a string that is shorter than the position only.
    return tf.equal(tf.strings.substr(contents, 0, len(magic)), magic)


def _png_size(contents):
    """Height and width: big-endian, behind the first 16 bytes."""

    def read():
        header = tf.strings.substr(contents, 16, 8)
        numbers = tf.io.decode_raw(header, tf.uint8)
        numbers = tf.reshape(tf.cast(numbers, tf.int64), [2, 4])
        weights = tf.constant([1 << 24, 1 << 16, 1 << 8, 1], tf.int64)
        return tf.reverse(tf.reduce_sum(numbers * weights, axis=1), [0])

    is_long = tf.strings.length(contents) >= 33
    return tf.cond(is_long, read, lambda: tf.zeros([2], tf.int64))


def _jpeg_size(contents):
    shape = tf.image.extract_jpeg_shape(contents, output_type=tf.int32)
    return tf.cast(shape[:2], tf.int64)


def _resizing_layer(model):
    """The first layer that says how images are resized, or `None`."""
    for layer in model._flatten_layers(include_self=False):
        if isinstance(
            layer, (layers.ImagePreprocessing, keras.layers.Resizing)
        ):
            return layer
    return None


def _size_of(layer):
    if isinstance(layer, layers.ImagePreprocessing):
        return layer.size
    return None if layer is None else (layer.height, layer.width)
