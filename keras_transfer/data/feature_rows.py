"""Checks of features, one row an example, and of the classes beside them."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.checks import checked_labels


def feature_rows(features, name="features", least_rows=2):
    """Features as a float64 array `(rows, width)`.

    Args:
        features: Array or tensor `(rows, width)`.
        name: Name of the argument, for errors.
        least_rows: Smallest number of rows.

    Returns:
        A float64 array.

    Raises:
        ValueError: If the shape is another, or a value is not finite.
    """
    rows = np.asarray(features)
    if rows.dtype.kind not in "biuf":
        raise invalid_argument(
            name, rows.dtype.name, "an array of real numbers"
        )
    if rows.ndim != 2 or rows.shape[0] < least_rows or rows.shape[1] < 1:
        raise invalid_argument(
            name,
            rows.shape,
            f"an array of shape (rows, width) with {least_rows} rows or more",
            "Average over the axes between, as those of space.",
        )
    rows = rows.astype("float64")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"`{name}` has a NaN or infinite value in row "
            f"{int(finite.argmin())}. Remove or impute such rows."
        )
    return rows


def check_widths(source, target):
    """Refuses features of two domains that differ in their width.

    Raises:
        ValueError: If the second axes are not of one length.
    """
    if source.shape[1] != target.shape[1]:
        raise ValueError(
            "Source and target must have features of the same width. "
            f"Received: {source.shape[1]} and {target.shape[1]}."
        )


def class_numbers(labels, rows, least_classes=2):
    """Labels as the numbers of the classes that occur.

    Args:
        labels: Integers or strings `(rows,)`.
        rows: Number of rows that they belong to.
        least_classes: Smallest number of classes.

    Returns:
        Pair of int64 `(rows,)`, from 0 on without gaps, and the number of
        rows of each class.

    Raises:
        ValueError: If there are too few classes, or not one label a row.
    """
    labels = checked_labels(labels)
    if len(labels) != rows:
        raise ValueError(
            f"`labels` has {len(labels)} rows and the features have {rows}. "
            "Expected one label for each row."
        )
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < least_classes:
        raise invalid_argument(
            "labels",
            classes.tolist(),
            f"{least_classes} classes or more",
            "With one class there is nothing to tell apart.",
        )
    return numbers, np.bincount(numbers)


def distributions(probabilities, name="source_probabilities"):
    """Rows that sum to 1, as float64 `(rows, num_classes)`.

    Raises:
        ValueError: If they do not.
    """
    rows = feature_rows(probabilities, name, least_rows=1)
    sums = rows.sum(axis=1)
    if rows.min() < 0 or not np.allclose(sums, 1.0, atol=1e-3):
        raise ValueError(
            f"`{name}` must have rows that are at least 0 and sum to 1; apply "
            f"softmax to logits first. Received: sums from {sums.min():.4g} "
            f"to {sums.max():.4g}, smallest value {rows.min():.4g}."
        )
    return rows / sums[:, None]
