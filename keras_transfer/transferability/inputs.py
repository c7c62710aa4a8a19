"""Checks of what the scores are computed from."""

import numpy as np

from keras_transfer._public import invalid_argument


def indicators(numbers, num_classes):
    """One column for each class, float64 `(rows, num_classes)`."""
    return (numbers[:, None] == np.arange(num_classes)).astype("float64")


def predicted_classes(outputs, name="predictions"):
    """Class numbers from class numbers, or from one score for each class.

    Args:
        outputs: Integers `(rows,)`, or scores `(rows, num_classes)`, whose
            largest one is predicted.
        name: Name of the argument, for errors.

    Returns:
        An integer array `(rows,)`.

    Raises:
        ValueError: If they are neither.
    """
    outputs = np.asarray(outputs)
    if outputs.ndim == 1 and outputs.dtype.kind in "biu":
        return outputs.astype("int64")
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        raise invalid_argument(
            name,
            f"{outputs.dtype.name} of shape {outputs.shape}",
            "class numbers (rows,) or scores (rows, num_classes)",
            "For one output column pass class numbers, as (p > 0.5).astype(int)"
            " of its probabilities.",
        )
    if not np.isfinite(outputs).all():
        raise ValueError(f"`{name}` has NaN or infinite scores.")
    return outputs.argmax(axis=1)


def true_classes(labels, rows, name="y"):
    """Integer labels `(rows,)`, to be compared with predicted classes.

    Raises:
        ValueError: If they are no integers or of another number.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "biu":
        raise invalid_argument(
            name,
            f"{labels.dtype.name} of shape {labels.shape}",
            "class numbers of shape (rows,)",
            "For one-hot labels pass labels.argmax(-1).",
        )
    if len(labels) != rows or not rows:
        raise ValueError(
            f"`{name}` has {len(labels)} rows and the predictions have "
            f"{rows}. Expected one label for each row, and one row or more."
        )
    return labels.astype("int64")
