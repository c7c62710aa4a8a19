"""Rows in coordinates in which a kernel method is a linear one.

A kernel method looks for weights `W` of the training rows, maps by `K W` and
keeps `|W|` small. With `K` as the features, that is a linear method. Where `K`
has a low rank, as that of a linear kernel, so have the features.
"""

import numpy as np
from scipy import linalg

from keras_transfer._public import invalid_argument


def primal_features(rows):
    """The rows themselves, within the directions that occur.

    Args:
        rows: float64 array `(n, d)`.

    Returns:
        Pair of features `(n, r)` and the map `(d, r)` from rows to them, with
        orthonormal columns.
    """
    if len(rows) >= rows.shape[1]:
        return rows, np.eye(rows.shape[1])
    lengths, axes = _row_axes(rows)
    to_features = rows.T @ (axes / lengths)
    return rows @ to_features, to_features


def linear_features(rows):
    """Features whose components are those of the kernel `X X^T`.

    Formula, with the singular values S and vectors U, V of the rows:

        features = U S^2 = X V S

    Args:
        rows: float64 array `(n, d)`.

    Returns:
        Pair of features `(n, r)` and the map `(d, r)` from rows to them.

    Raises:
        ValueError: If all rows are zero.
    """
    if len(rows) < rows.shape[1]:
        _, axes = _row_axes(rows)
        to_features = rows.T @ axes
    else:
        lengths, axes = _positive(rows.T @ rows)
        to_features = axes * lengths
    return rows @ to_features, to_features


def gaussian_features(rows, bandwidth=None):
    """The matrix of the Gaussian kernel.

    Formula:

        K[i, j] = exp(-|x_i - x_j|^2 / (2 bandwidth^2))

    Args:
        rows: float64 array `(n, d)`.
        bandwidth: Positive number, or `None` for the median distance between
            rows.

    Returns:
        Pair of the array `(n, n)` and the bandwidth.

    Raises:
        ValueError: If there is no bandwidth since most rows are equal.
    """
    centred = rows - rows.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)
    kernel = centred @ centred.T
    kernel *= -2.0
    kernel += squares[:, None]
    kernel += squares
    np.maximum(kernel, 0.0, out=kernel)
    if bandwidth is None:
        bandwidth = _median_distance(kernel, squares.max())
    kernel *= -0.5 / bandwidth**2
    return np.exp(kernel, out=kernel), float(bandwidth)


def _median_distance(squared, largest):
    pairs = squared[np.triu_indices(len(squared), 1)]
    median = np.median(pairs)
    # What is left of equal rows is rounding.
    if median <= 1e-12 * largest:
        raise invalid_argument(
            "bandwidth",
            None,
            "a number, since most rows are equal and their median distance is "
            "zero",
        )
    return np.sqrt(median)


def _row_axes(rows):
    return _positive(rows @ rows.T)


def _positive(gram):
    """Roots of the eigenvalues above rounding, and their eigenvectors."""
    values, vectors = linalg.eigh(gram, check_finite=False, driver="evd")
    kept = values > np.finfo("float64").eps * len(gram) * values[-1]
    if not kept.any():
        raise ValueError(
            "All features of both domains are zero. Expected rows that differ."
        )
    return np.sqrt(values[kept]), vectors[:, kept]
