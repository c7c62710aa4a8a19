"""Labels and probabilities, in the forms that models give them."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.feature_rows import distributions
from keras_transfer.transferability.inputs import true_classes


def probabilities_of(outputs):
    """Probabilities from what a classifier returns, which may be logits.

    Rows that are at least 0 and sum to 1 are probabilities; any others are
    taken for logits. One column is of the second of two classes: it is a
    probability if all of it lies from 0 to 1, and else a logit.

    Args:
        outputs: Array `(rows, num_classes)`, `(rows, 1)` or `(rows,)`.

    Returns:
        A float64 array `(rows, num_classes)`, whose rows sum to 1.

    Raises:
        ValueError: If the shape is another, or a value is not finite.

    Example:

    >>> from keras_transfer.explain.predictions import probabilities_of
    >>> probabilities_of([[0.0, 0.0], [1.0, 0.0]]).round(2).tolist()
    [[0.5, 0.5], [0.73, 0.27]]
    >>> probabilities_of([[0.25]]).tolist()
    [[0.75, 0.25]]
    """
    from scipy.special import expit
    from scipy.special import softmax

    rows = np.asarray(outputs, dtype="float64")
    column = _column(rows)
    if column is not None:
        is_probability = ((column >= 0) & (column <= 1)).all()
        column = column if is_probability else expit(column)
        return distributions(np.stack([1 - column, column], axis=1), "outputs")
    if rows.ndim == 2:
        sums = rows.sum(axis=1)
        if (rows < 0).any() or not np.allclose(sums, 1.0, atol=1e-3):
            rows = softmax(rows, axis=1)
    return distributions(rows, "outputs")


def labelled(labels, probabilities):
    """Checks labels and the probabilities beside them.

    Args:
        labels: Integers `(rows,)`.
        probabilities: Array `(rows, num_classes)`; or `(rows,)` or
            `(rows, 1)`, of the second of two classes.

    Returns:
        `(labels, probabilities)`: int64 `(rows,)` and float64 `(rows,
        num_classes)`.

    Raises:
        ValueError: If they do not fit each other, or the rows do not sum
            to 1.
    """
    rows = np.asarray(probabilities)
    column = _column(rows)
    if column is not None:
        rows = np.stack([1 - column, column], axis=1)
    rows = distributions(rows, "probabilities")
    labels = true_classes(labels, len(rows), "labels")
    check_range(labels, rows.shape[1])
    return labels, rows


def check_range(labels, num_classes):
    """Refuses labels that are no number of a class.

    Raises:
        ValueError: If one is below 0, or `num_classes` or above.
    """
    if labels.min() < 0 or labels.max() >= num_classes:
        raise invalid_argument(
            "labels",
            sorted({int(labels.min()), int(labels.max())}),
            f"integers from 0 to {num_classes - 1}, as there are "
            f"{num_classes} classes",
        )


def _column(rows):
    """The only column of an array, or `None`."""
    if rows.ndim == 1:
        return rows
    return rows[:, 0] if rows.ndim == 2 and rows.shape[1] == 1 else None
