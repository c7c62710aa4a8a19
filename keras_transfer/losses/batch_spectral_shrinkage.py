"""Batch spectral shrinkage: the smallest singular values of a batch."""

from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer.ops.precision import at_least_float32


def batch_spectral_shrinkage(features, k=1):
    """Sum of the smallest squared singular values of a batch of features.

    Formula, with s_1 >= s_2 >= ... the r = min(n, d) singular values of the
    features F, a matrix of n rows and width d:

        loss = sum of s_i^2 for i = r - k + 1, ..., r

    The gradient is that of the values, 2 * u u^T F for the left singular
    vectors u; no difference of two values is divided by, so that it is finite
    for equal ones.

    Bad at: batches wider than they are long, whose smallest value depends on
    the number of rows; and features after a ReLU that die, for which it is
    zero.

    Args:
        features: Shape `(n, d)`.
        k: Number of singular values.

    Returns:
        Scalar, float32 or wider.

    Raises:
        ValueError: If the features are no matrix, or if k is not between 1
            and the number of singular values.

    Example:

    >>> from keras_transfer import losses
    >>> features = [[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    >>> round(float(losses.batch_spectral_shrinkage(features)), 4)
    4.0

    Reference:

    - [Chen et al., 2019, Catastrophic Forgetting Meets Negative Transfer:
      Batch Spectral Shrinkage for Safe Transfer Learning, NeurIPS, section
      3](https://proceedings.neurips.cc/paper/2019/hash/c6bff625bdb0393992c9d4db0c6bbe45-Abstract.html)
    """
    features = at_least_float32(ops.convert_to_tensor(features))
    if len(features.shape) != 2:
        raise invalid_argument(
            "features", features, "a matrix of shape (rows, width)"
        )
    rows, width = features.shape
    if rows is None:  # known in the step only
        rows = ops.shape(features)[0]
        most = width
    else:
        most = min(rows, width)
    if not isinstance(k, int) or not 1 <= k <= most:
        raise invalid_argument("k", k, f"an integer from 1 to {most}")
    if isinstance(rows, int) and rows <= width:
        return _of_rows(features, k)
    if isinstance(rows, int):
        return _of_rows(ops.transpose(features), k)
    return ops.cond(
        rows <= width,
        lambda: _of_rows(features, k),
        lambda: _of_rows(ops.transpose(features), k),
    )


def _of_rows(matrix, k):
    """For a matrix that is not longer than wide."""
    fixed = ops.stop_gradient(matrix)
    gram = ops.matmul(fixed, ops.transpose(fixed))
    _, vectors = ops.linalg.eigh(gram)  # in rising order
    smallest = ops.stop_gradient(vectors[:, :k])
    projected = ops.matmul(ops.transpose(smallest), matrix)
    return ops.sum(ops.square(projected))
