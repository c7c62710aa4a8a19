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
    return (
        spec.shape.rank == 4
        and spec.shape[-1] in (1, 3)
        and is_number
        and spec.dtype.max >= 255
    )


def facts(rule, max_pixels):
    """What the model card says of images: a dict."""
    return {
        **rule._asdict(),
        "pixels": "0 to 255",
        "resizing": "keras.layers.Resizing, in training too",
        "formats": ["JPEG", "PNG"],
        "exif_rotation": "not applied, nor in training",
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
    rotation is not applied, nor is it in training.

    Args:
        rule: A `ResizeRule`.
        dtype: Dtype of the pixels.
        max_pixels: Most pixels of an image.
        mask: Whether rows that fail, by whatever damage, are blank and marked
            instead of refused. It takes some milliseconds more.

    Returns:
        A function from strings `(B,)` to `(pixels, valid)`: `(B, height,
        width, channels)` from 0 to 255, and booleans `(B,)`.

    Raises:
        ValueError: If `max_pixels` is no positive integer.
    """
    if not isinstance(max_pixels, int) or max_pixels < 1:
        raise invalid_argument("max_pixels", max_pixels, "a positive integer")
    resizing = rule.resizing()
    spec = tf.TensorSpec((*rule.size, rule.channels), dtype)

    def decode_row(contents):
        fault = _fault(contents, max_pixels)
        refuse = tf.debugging.Assert(tf.equal(fault, ""), [fault])
        with tf.control_dependencies([refuse]):
            contents = tf.identity(contents)
        image = tf.cond(
            _starts_with(contents, _PNG),
            lambda: tf.io.decode_png(contents, channels=rule.channels),
            lambda: tf.io.decode_jpeg(contents, channels=rule.channels),
        )
        image = resizing(tf.cast(image, tf.float32))
        return tf.ensure_shape(_as_dtype(image, dtype), spec.shape)

    def decode(contents):
        # Only a CPU has these operations.
        with tf.device("/CPU:0"):
            if mask:
                return _each_if_possible(decode_row, contents, spec)
            pixels = tf.map_fn(decode_row, contents, fn_output_signature=spec)
            return pixels, tf.ones(tf.shape(contents), tf.bool)

    return decode


def _each_if_possible(function, rows, spec):
    """Applies a function to each row; zeros where it raises.

    A graph has no `try`, but a dataset leaves out what fails.

    Args:
        function: From a row to a tensor.
        rows: Tensor of rows.
        spec: `tf.TensorSpec` of what the function returns.

    Returns:
        `(results, valid)`, the second boolean `(rows,)`.
    """
    number = tf.shape(rows, out_type=tf.int64)[0]
    dataset = tf.data.Dataset.from_tensor_slices(rows).enumerate()
    dataset = dataset.map(
        lambda index, row: (index, function(row)),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).ignore_errors()
    # One more, so that there is a batch if all others fail.
    last = (number, tf.zeros(spec.shape, spec.dtype))
    dataset = dataset.concatenate(tf.data.Dataset.from_tensors(last))
    indices, results = dataset.batch(number + 1).get_single_element()
    indices, results = indices[:-1, None], results[:-1]
    shape = tf.stack([number, *spec.shape])
    valid = tf.ones_like(indices[:, 0], tf.bool)
    return (
        tf.scatter_nd(indices, results, shape),
        tf.scatter_nd(indices, valid, [number]),
    )


def _as_dtype(image, dtype):
    if not dtype.is_floating:
        # Cubic rules leave the range, and a cast would wrap around.
        image = tf.clip_by_value(tf.round(image), 0, 255)
    return tf.cast(image, dtype)


def decode_eagerly(contents, rule, dtype):
    """The pixels of one file as training sees them, an array."""
    image = tf.io.decode_image(
        contents, channels=rule.channels, expand_animations=False
    )
    image = rule.resizing()(tf.cast(image, tf.float32))
    return _as_dtype(image, dtype).numpy()


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
                # Each side first: the product of two 32-bit sizes overflows.
                tf.reduce_any(size > max_pixels)
                | (tf.reduce_prod(size) > max_pixels),
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
    """The layer that says how images are resized, or `None`.

    An `ImagePreprocessing` wherever it is, else a `Resizing` that stands
    before all weights: one behind them resizes features.
    """
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, layers.ImagePreprocessing):
            return layer
    for layer in _in_order(model):
        if isinstance(layer, keras.layers.Resizing):
            return layer
        if layer.weights and not isinstance(layer, keras.layers.Normalization):
            return None
    return None


def _in_order(model):
    """The layers of a model and of those inside it, from the inputs on."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _in_order(layer)
        else:
            yield layer


def _size_of(layer):
    if isinstance(layer, layers.ImagePreprocessing):
        return layer.size
    return None if layer is None else (layer.height, layer.width)
