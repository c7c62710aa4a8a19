"""Images of two domains in one size and one number of channels."""

import tensorflow as tf

from keras_transfer._public import invalid_argument


def resized(images, size=None, channels=None):
    """Resizes images and makes grey colour, or colour grey.

    Bilinear, smoothed where an image shrinks, rounded for integers. Grey
    becomes colour by repeating; colour becomes grey as

        0.2989 R + 0.5870 G + 0.1140 B

    Args:
        images: Tensor `(..., height, width, channels)`, one or a batch.
        size: `(height, width)`, or `None` for as it is.
        channels: 1 or 3, or `None` for as it is.

    Returns:
        Tensor of the same dtype.

    Raises:
        ValueError: If images have no three axes, or neither 1 nor 3 channels
            where `channels` is another number.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.image_sizes import resized
    >>> resized(np.zeros((2, 16, 16, 1), "uint8"), (28, 28), 3).shape
    TensorShape([2, 28, 28, 3])
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank not in (3, 4):
        raise ValueError(
            "Only images (height, width, channels) can be resized. Received: "
            f"rows of shape {tuple(images.shape)}."
        )
    now = images.shape[-1]
    if channels not in (None, now) and now not in (1, 3):
        raise invalid_argument(
            "channels", channels, f"{now} or None for images of {now} channels"
        )
    dtype = images.dtype
    if channels == 1 and now == 3:
        # In the images' own dtype it would drop the fraction.
        images = _as_dtype(
            tf.image.rgb_to_grayscale(tf.cast(images, tf.float32)), dtype
        )
    if size is not None:
        images = _as_dtype(
            tf.image.resize(images, size, antialias=_shrinks(images, size)),
            dtype,
        )
    if channels == 3 and now == 1:
        images = tf.repeat(images, 3, axis=-1)
    return images


def checked_size(size):
    """`(height, width)` of a size, or `None`.

    Raises:
        ValueError: If it is neither a positive integer nor two of them.

    Example:

    >>> from keras_transfer.data.image_sizes import checked_size
    >>> checked_size(28)
    (28, 28)
    """
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    is_right = len(pair) == 2 and all(
        isinstance(pixels, int) and pixels > 0 for pixels in pair
    )
    if not is_right:
        raise invalid_argument(
            "size", size, "(height, width) in pixels, a number for both or None"
        )
    return pair


def _shrinks(images, size):
    """Whether some image may lose pixels, and so needs smoothing."""
    return any(
        now is None or now > pixels
        for now, pixels in zip(images.shape[-3:-1], size, strict=True)
    )


def _as_dtype(images, dtype):
    if dtype.is_integer:
        images = tf.round(images)
        images = tf.clip_by_value(images, dtype.min, dtype.max)
    return tf.cast(images, dtype)
