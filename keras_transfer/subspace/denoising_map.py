"""The linear map that undoes corruption best, over all corruptions."""

import numpy as np
import scipy.sparse
from scipy import linalg

from keras_transfer._public import invalid_argument


def denoising_map(rows, corruption, ridge):
    """Least-squares reconstruction of rows from corrupted copies of them.

    Formula, with the columns of X an example each and a last row of ones, S =
    X X', p the corruption, and q = (1 - p, ..., 1 - p, 1), since the bias is
    never corrupted:

        E[P]_ij = S_ij q_j
        E[Q]_ij = S_ij q_i q_j for i != j, and S_ii q_i for i = j
        W = E[P] (E[Q] + ridge I)^(-1), without its last row

    which is the limit of infinitely many copies. E[Q] is positive definite
    but for empty columns, so Cholesky's factors do.

    Args:
        rows: Array or CSR matrix `(n, d)`; its dtype is computed in.
        corruption: Probability that an entry becomes 0.
        ridge: Added to the diagonal of E[Q].

    Returns:
        Pair of arrays `(d, d)` and `(d,)`: rows @ kernel + bias are the
        reconstructions.

    Raises:
        ValueError: If the equations cannot be solved in this precision.

    Reference:

    - [Chen, Xu, Weinberger & Sha, 2012, Marginalized Denoising Autoencoders
      for Domain Adaptation, section 3](https://arxiv.org/abs/1206.4683)
    """
    number, width = rows.shape
    products = rows.T @ rows
    if scipy.sparse.issparse(products):
        products = products.toarray()
    sums = np.asarray(rows.sum(axis=0)).reshape(-1)
    keep = 1.0 - corruption
    # In Fortran's order LAPACK works in place.
    corrupted = np.empty((width + 1, width + 1), products.dtype, order="F")
    np.multiply(products.T, keep**2, out=corrupted[:width, :width])
    np.fill_diagonal(
        corrupted[:width, :width], keep * products.diagonal() + ridge
    )
    corrupted[width, :width] = corrupted[:width, width] = keep * sums
    corrupted[width, width] = number + ridge
    crossed = np.empty((width + 1, width), products.dtype, order="F")
    np.multiply(products.T, keep, out=crossed[:width])
    crossed[width] = sums
    del products
    try:
        factor = linalg.cho_factor(
            corrupted, lower=True, overwrite_a=True, check_finite=False
        )
    except linalg.LinAlgError as error:
        raise invalid_argument(
            "corruption",
            corruption,
            "a larger one for these rows: the equations cannot be solved",
            "Or raise the ridge, and scale columns to the same size.",
        ) from error
    solution = linalg.cho_solve(
        factor, crossed, overwrite_b=True, check_finite=False
    )
    return solution[:width], solution[width]
