"""What heads that end as a `Dense` layer share."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer.meta import encoders
from keras_transfer.meta import support_set
from keras_transfer.ops.prototypes import ABSENT


def valid_rows(features, labels, classes):
    """Features and one-hot labels in float64, zeros where a row is padding.

    A row of zeros changes no sum over rows, which is all that the closed forms
    and gradients here are made of. They are small beside the encoder, and
    float64 spares every question of conditioning.

    Args:
        features: `(..., rows, d)`.
        labels: Integers `(..., rows)`, -1 for padding, whatever that holds.
        classes: Number of classes, a Python integer or scalar tensor.

    Returns:
        `(..., rows, d)` and `(..., rows, classes)`.
    """
    # Zero times NaN is NaN: padding is replaced, not multiplied.
    features = tf.where(
        (labels >= 0)[..., None], tf.cast(features, "float64"), 0.0
    )
    return features, tf.one_hot(labels, classes, dtype="float64")


def without_absent(logits, targets):
    """The logits, with those of classes without support put out of reach."""
    present = tf.reduce_any(targets > 0, axis=-2)
    return tf.where(present[..., None, :], logits, ABSENT)


def support_of(encoder, x, y):
    """Features and labels for `adapt`, checked.

    Args:
        encoder: The model.
        x: Examples `(rows, ...)`, or a structure of such.
        y: Integers `(rows,)`.

    Returns:
        `(features, labels, classes)`; features have a float dtype, labels
        int32, and `classes` is one more than the largest label.
    """
    labels = np.asarray(y)
    known = np.unique(labels)
    is_right = labels.ndim == 1 and labels.dtype.kind in "iu"
    if not is_right or not np.array_equal(known, np.arange(len(known))):
        raise ValueError(
            "The labels of a support must be integers 0, 1, ... in one axis, "
            f"each class with a row. Received: {known[:20].tolist()} in shape "
            f"{labels.shape}, {labels.dtype}."
        )
    features = encoder.predict(x, verbose=0)
    if len(features) != len(labels) or not len(labels):
        raise ValueError(
            "A support needs one label for each example. Received: "
            f"{len(features)} examples and {len(labels)} labels."
        )
    return support_set.check(features, labels)


def plain_model(encoder, kernel, bias):
    """The encoder itself, followed by a `Dense` layer of these weights."""
    kernel, bias = np.asarray(kernel), np.asarray(bias)
    dense = keras.layers.Dense(
        kernel.shape[1],
        dtype=keras.backend.result_type(encoder.variable_dtype, "float32"),
        name="head",
    )
    dense.build((None, kernel.shape[0]))
    dense.set_weights([kernel, np.broadcast_to(bias, kernel.shape[1:])])
    return encoders.with_head(encoder, dense)
