"""Gaussian kernels between the rows of two arrays, some rows at a time."""

import numpy as np

from keras_transfer._public import invalid_argument

#: Numbers that a block of a kernel matrix may hold: 32 MB.
_BLOCK = 4_000_000
#: Rows that the median distance is taken of.
_MEDIAN_ROWS = 1000


def gaussian_kernel(x, y, width):
    """Kernel of all pairs of rows, float64 `(n, m)`.

    Formula:

        k(x, y) = exp(-||x - y||^2 / (2 * width^2))

    Args:
        x: Float64 array `(n, d)`.
        y: Float64 array `(m, d)`.
        width: Positive number, in the unit of the distances.

    Returns:
        Float64 array `(n, m)`.
    """
    # Distances do not change, and digits are kept, with small coordinates.
    shift = y.mean(axis=0)
    x = (x - shift) / width
    y = (y - shift) / width
    kernel = x @ y.T
    kernel -= 0.5 * np.einsum("ij,ij->i", x, x)[:, None]
    kernel -= 0.5 * np.einsum("ij,ij->i", y, y)
    np.minimum(kernel, 0.0, out=kernel)
    return np.exp(kernel, out=kernel)


def kernel_means(x, y, width):
    """Mean of the kernel over the rows of `y`, for each row of `x`.

    Args:
        x: Float64 array `(n, d)`.
        y: Float64 array `(m, d)`.
        width: Of the kernel.

    Returns:
        Float64 array `(n,)`.
    """
    size = max(1, _BLOCK // len(y))
    found = [
        gaussian_kernel(x[start : start + size], y, width).mean(axis=1)
        for start in range(0, len(x), size)
    ]
    return np.concatenate(found)


def median_distance(rows, seed=0):
    """Median distance of different rows, of 1000 rows at most.

    Args:
        rows: Float64 array `(rows, d)`.
        seed: Decides the rows.

    Returns:
        A positive float; 1 where at least half of the distances are zero and
        so tell no width.
    """
    from scipy.spatial.distance import pdist

    if len(rows) > _MEDIAN_ROWS:
        generator = np.random.default_rng(seed)
        rows = rows[generator.choice(len(rows), _MEDIAN_ROWS, replace=False)]
    return float(np.median(pdist(rows))) or 1.0


def checked_width(width, source, target, seed=0):
    """The given width, or the median distance of the rows of both domains.

    Args:
        width: Positive number or `None`.
        source: Float64 array `(n, d)`.
        target: Float64 array `(m, d)`.
        seed: Decides the rows of the median.

    Returns:
        A float.

    Raises:
        ValueError: If the width is not positive and finite.
    """
    if width is None:
        return median_distance(np.concatenate([source, target]), seed)
    return checked_positive(width, "width")


def checked_positive(value, name):
    """The value as a float.

    Raises:
        ValueError: If it is no positive finite number.
    """
    is_number = isinstance(value, (int, float, np.number))
    if not is_number or not 0 < value < np.inf:
        raise invalid_argument(name, value, "a positive number")
    return float(value)
