"""The eigenproblem of transfer components."""

import numpy as np
from scipy import linalg

from keras_transfer._public import invalid_argument
from keras_transfer.subspace.principal_axes import leading_eigenvectors


def transfer_components(scatter, differences, regularization, number):
    """Directions of much variance and little difference between domains.

    Formula, with S the scatter, D the differences and r the regularization:

        S a = eta (D D^T + r I) a, largest eta first
        A^T (D D^T + r I) A = I

    `D` has one column for each pair of means that shall meet, so that the
    inverse root of the right side is a closed form and the problem a
    symmetric one that stays well-conditioned.

    Args:
        scatter: float64 array `(width, width)`, positive semi-definite.
        differences: float64 array `(width, pairs)`.
        regularization: Positive number.
        number: How many.

    Returns:
        Pair of `A`, `(width, number)`, and the values `eta`, `(number,)`.

    Raises:
        ValueError: If the scatter has fewer directions.
    """
    if number > len(scatter):
        raise _too_many(number, len(scatter))
    axes, lengths, _ = linalg.svd(
        differences, full_matrices=False, check_finite=False
    )
    common = regularization**-0.5
    excess = (regularization + lengths**2) ** -0.5 - common

    def inverse_root_times(matrix):
        return common * matrix + axes @ (excess[:, None] * (axes.T @ matrix))

    whitened = inverse_root_times(inverse_root_times(scatter).T)
    whitened = (whitened + whitened.T) / 2
    values, vectors = leading_eigenvectors(whitened, number)
    precision = np.finfo("float64").eps * len(scatter) * values[0]
    if values[-1] <= precision:
        raise _too_many(number, int((values > precision).sum()))
    return inverse_root_times(vectors), values


def _too_many(number, most):
    return invalid_argument(
        "dimensions",
        number,
        f"at most {most}, the number of directions in which the features of "
        "the two domains vary",
    )
