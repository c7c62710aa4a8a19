"""The spectrum of features, from the smaller of the two Gram matrices."""

from typing import NamedTuple

import numpy as np


class Spectrum(NamedTuple):
    """Squared singular values, and columns seen along the singular vectors.

    Attributes:
        squares: Float64 `(rank,)`, positive.
        projections: Float64 `(rank, num_columns)`: the inner products of the
            left singular vectors with the columns. Their signs are free.
    """

    squares: np.ndarray
    projections: np.ndarray


def spectrum(features, columns):
    """Decomposes features, as far as the scores need it.

    An eigendecomposition of a matrix of the size min(rows, width), which is
    several times faster than the singular value decomposition. What it loses
    are singular values below the square root of the rounding error times the
    largest, which are counted as zero.

    Args:
        features: Float64 array `(rows, width)`.
        columns: Float64 array `(rows, num_columns)`.

    Returns:
        A `Spectrum`.
    """
    rows, width = features.shape
    if rows <= width:
        squares, left = np.linalg.eigh(features @ features.T)
        kept = _not_zero(squares, features.shape)
        return Spectrum(squares[kept], left[:, kept].T @ columns)
    squares, right = np.linalg.eigh(features.T @ features)
    kept = _not_zero(squares, features.shape)
    seen = right[:, kept].T @ (features.T @ columns)
    return Spectrum(squares[kept], seen / np.sqrt(squares[kept])[:, None])


def _not_zero(squares, shape):
    floor = max(shape) * np.finfo("float64").eps * squares.max()
    return squares > floor
