"""Distances between the rows of batches."""

from keras import ops

from keras_transfer.ops.precision import at_least_float32


def pairwise_squared_distances(x, y):
    """Squared Euclidean distance of every row of `x` to every row of `y`.

    Formula:

        D[i, j] = ||x_i - y_j||^2

    Computed as `||x_i||^2 + ||y_j||^2 - 2 <x_i, y_j>` after a common shift
    to the mean of `y`, which changes no distance and keeps the digits, and
    cut off below at zero.

    Args:
        x: Tensor of shape `(n, d)`.
        y: Tensor of shape `(m, d)`.

    Returns:
        Tensor of shape `(n, m)`, float32 or wider, not negative.

    Example:

    >>> from keras_transfer import ops
    >>> ops.pairwise_squared_distances([[0.0, 0.0]], [[3.0, 4.0]]).numpy()
    array([[25.]], dtype=float32)
    """
    x = at_least_float32(x)
    y = at_least_float32(y)
    shift = ops.stop_gradient(ops.mean(y, axis=0, keepdims=True))
    x = x - shift
    y = y - shift
    squared = (
        ops.sum(ops.square(x), axis=1, keepdims=True)
        + ops.transpose(ops.sum(ops.square(y), axis=1, keepdims=True))
        - 2.0 * ops.matmul(x, ops.transpose(y))
    )
    return ops.maximum(squared, 0.0)


def median_pairwise_distance(squared_distances):
    """Median distance between different rows of one batch.

    The usual guess for the bandwidth of a Gaussian kernel. The diagonal is
    left out: its zeros would pull the median down, the more so the smaller
    the batch.

    Args:
        squared_distances: Symmetric tensor of shape `(n, n)` with a zero
            diagonal, as `pairwise_squared_distances(x, x)` gives it.

    Returns:
        Scalar tensor without gradient.

    Example:

    >>> from keras_transfer import ops
    >>> x = [[0.0], [1.0], [3.0]]
    >>> ops.median_pairwise_distance(
    ...     ops.pairwise_squared_distances(x, x)
    ... ).numpy().item()
    2.0
    """
    rows = ops.shape(squared_distances)[0]
    ordered = ops.sort(ops.reshape(ops.stop_gradient(squared_distances), (-1,)))
    # Every pair occurs twice and the n zeros of the diagonal come first, so
    # the two middle entries of what follows are those of the pairs.
    upper = rows + (rows * (rows - 1)) // 2
    middle = ops.take(ordered, ops.stack([upper - 1, upper]))
    return ops.mean(ops.sqrt(middle))
