"""Moments of a batch."""

from keras import ops

from keras_transfer.ops.precision import at_least_float32


def covariance(x):
    """Unbiased covariance of the columns of a batch.

    Formula:

        C(x) = (x - mean(x))^T (x - mean(x)) / (n - 1)

    The batch is centred before the product. The textbook form, x^T x minus
    the outer product of the sums, gives the same number in exact arithmetic
    and loses digits when the mean is large.

    Args:
        x: Tensor of shape `(n, d)`, `n >= 2`. A single row in a batch of a
            size that is not known beforehand has covariance zero.

    Returns:
        Tensor of shape `(d, d)`, float32 or wider.

    Raises:
        ValueError: If the batch is known to have fewer than two rows.

    Example:

    >>> from keras_transfer import ops
    >>> ops.covariance([[0.0, 1.0], [2.0, 1.0]]).numpy().tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    x = at_least_float32(x)
    if len(x.shape) != 2:
        raise ValueError(
            "A covariance needs a batch of vectors. Expected shape (rows, "
            f"width). Received shape {tuple(x.shape)}."
        )
    if x.shape[0] is not None and x.shape[0] < 2:
        raise ValueError(
            "A covariance needs at least 2 rows per domain. Received a batch "
            f"of {x.shape[0]}; use a larger batch size."
        )
    centred = x - ops.mean(x, axis=0, keepdims=True)
    rows = ops.cast(ops.shape(x)[0], x.dtype)
    # A single row in a batch of unknown size must not become NaN.
    degrees = ops.maximum(rows - 1.0, 1.0)
    return ops.matmul(ops.transpose(centred), centred) / degrees
