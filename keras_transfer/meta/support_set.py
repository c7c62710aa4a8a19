"""The support of a task that a few-shot learner is adapted to."""

import math

import numpy as np
import tensorflow as tf
from keras import ops
from keras import tree

from keras_transfer.meta import task_rows
from keras_transfer.ops.prototypes import check_labels


def examples(x, y):
    """What an inner loop is run on, checked, as tensors.

    Args:
        x: Examples `(rows, ...)`, or a structure of such.
        y: Their labels `(rows, ...)`; classes of -1 are rows to leave out.

    Returns:
        `(x, y)` without the rows to leave out.

    Raises:
        ValueError: If they do not fit each other, no row is left, or a value
            in these rows is not finite.
    """
    x = tree.map_structure(tf.convert_to_tensor, x)
    y = tf.convert_to_tensor(y)
    for leaf in tree.flatten(x):
        if not leaf.shape.rank or leaf.shape[:1] != y.shape[:1]:
            raise ValueError(
                "A support needs one label for each example. Received: "
                f"examples {leaf.shape} and labels {y.shape}."
            )
    x, y, _ = task_rows.without_padding(x, y)
    if not y.shape[0]:
        raise ValueError("A support needs at least one example with a label.")
    for leaf in tree.flatten((x, y)):
        is_float = leaf.dtype.is_floating
        if is_float and not tf.reduce_all(tf.math.is_finite(leaf)):
            raise ValueError(
                "A support must be finite: one NaN would spoil every answer."
            )
    return x, y


def check(features, labels):
    """Raises unless rows of features and labels make a support.

    Args:
        features: Array or tensor `(rows, ...)`.
        labels: Integers `(rows,)`, from 0.

    Returns:
        Tuple of the features, an array of float32 or wider; the labels, an
        int32 array; and the number of classes, one more than the largest label.

    Raises:
        ValueError: If the labels are no classes or do not fit the features, or
            if a feature is not finite.
    """
    features = ops.convert_to_numpy(features)
    if features.dtype != "float64":
        features = features.astype("float32")
    labels = ops.convert_to_numpy(labels)
    rows = features.reshape(len(features), math.prod(features.shape[1:]))
    check_labels(rows.shape, labels.shape, labels.dtype)
    if labels.ndim != 1 or not len(labels) or labels.min() < 0:
        raise ValueError(
            "The labels of a support must be 0, 1, ... in one axis, one for "
            f"each example. Received: {np.unique(labels)[:20].tolist()} in "
            f"shape {labels.shape}."
        )
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(
            "The features of a support must be finite: one NaN would spoil "
            "every answer. Examples with NaN or infinity: "
            f"{np.flatnonzero(~finite)[:20].tolist()}"
        )
    return features, labels.astype("int32"), int(labels.max()) + 1
