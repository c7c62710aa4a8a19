"""Leading directions of symmetric matrices and of rows."""

import numpy as np
from scipy import linalg

from keras_transfer._public import invalid_argument


def leading_eigenvectors(matrix, number):
    """Eigenvectors of the largest eigenvalues, largest first.

    Args:
        matrix: Symmetric float64 array `(d, d)`; may be overwritten.
        number: How many, at most d.

    Returns:
        Pair of eigenvalues `(number,)` and orthonormal columns `(d, number)`,
        each with its largest entry positive, since the sign says nothing.
    """
    width = len(matrix)
    values, vectors = linalg.eigh(
        matrix,
        subset_by_index=(width - number, width - 1),
        overwrite_a=True,
        check_finite=False,
    )
    return values[::-1], with_fixed_signs(vectors[:, ::-1])


def with_fixed_signs(vectors):
    """Columns turned so that the largest entry of each is positive."""
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return vectors * np.where(signs == 0, 1.0, signs)


def principal_axes(rows, number, name="rows"):
    """Directions of the largest variance, from the smaller side.

    Args:
        rows: float64 array `(n, d)`.
        number: How many.
        name: What the rows are, for errors.

    Returns:
        Triple of the mean `(d,)`, variances `(number,)` in falling order and
        orthonormal columns `(d, number)`.

    Raises:
        ValueError: If the rows vary in fewer directions.
    """
    mean = rows.mean(axis=0)
    centred = rows - mean
    most = min(len(rows) - 1, rows.shape[1])
    if number > most:
        raise _too_many(number, most, name)
    tall = len(rows) >= rows.shape[1]
    gram = centred.T @ centred if tall else centred @ centred.T
    values, axes = leading_eigenvectors(gram, number)
    precision = np.finfo("float64").eps * max(rows.shape) * values[0]
    if values[-1] <= precision:
        raise _too_many(number, int((values > precision).sum()), name)
    if not tall:
        # Orthonormal but for rounding, which is larger for small variances.
        axes, _ = linalg.qr(centred.T @ axes, mode="economic")
        axes = with_fixed_signs(axes)
    return mean, values / (len(rows) - 1), axes


def _too_many(number, most, name):
    return invalid_argument(
        "dimensions",
        number,
        f"at most {most}, the number of directions in which the {name} varies",
    )
