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
