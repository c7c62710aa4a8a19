"""Checks of arrays before training."""

import numpy as np
from keras import tree


def num_rows(arrays, domain):
    """Common number of rows of a structure of arrays; at least one.

    Raises:
        ValueError: If there are no rows or the arrays disagree.
    """
    rows = {leaf.shape[0] if leaf.ndim else 0 for leaf in tree.flatten(arrays)}
    if len(rows) != 1:
        raise ValueError(
            f"The arrays of the {domain} domain must have the same number of "
            f"rows. Received: {sorted(rows)}."
        )
    if rows == {0}:
        raise ValueError(
            f"The {domain} domain is empty. Expected at least one row."
        )
    return rows.pop()


def check_finite(arrays, subject):
    """Refuses NaN and infinity in float arrays.

    Args:
        arrays: Structure of arrays.
        subject: What they are, as the error begins: "The source domain".

    Raises:
        ValueError: With the first bad row.
    """
    for leaf in tree.flatten(arrays):
        if not np.issubdtype(leaf.dtype, np.floating):
            continue
        # A block at a time: no second copy of a large array in memory.
        for start in range(0, len(leaf), 4096):
            block = leaf[start : start + 4096]
            bad = ~np.isfinite(block).reshape(len(block), -1).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"{subject} has a NaN or infinite value in row "
                    f"{start + int(bad.argmax())}. Remove or impute such rows."
                )


def checked_labels(labels):
    """Labels as an array `(rows,)` of integers or strings.

    Raises:
        ValueError: If they are neither, or have another number of axes.

    Example:

    >>> from keras_transfer.data.checks import checked_labels
    >>> checked_labels([3, 1])
    array([3, 1])
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(
            "`labels` must have one axis. Received: shape "
            f"{labels.shape}. For a one-hot array pass labels.argmax(-1), for "
            "a column labels[:, 0]."
        )
    if labels.dtype.kind not in "biuOSU":
        raise ValueError(
            "`labels` must be integers or strings. Received: dtype "
            f"{labels.dtype}. Pass labels.astype(int) if they are whole "
            "numbers."
        )
    return labels
