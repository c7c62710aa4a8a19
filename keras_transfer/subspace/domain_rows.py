"""Checks of the features of two domains."""

import numpy as np
import scipy.sparse

from keras_transfer._public import invalid_argument
from keras_transfer.data.feature_rows import check_widths
from keras_transfer.data.feature_rows import feature_rows


def domain_rows(source, target, keeps_sparse=False):
    """Features of two domains as float64, of equal width.

    Args:
        source: Array, tensor or scipy.sparse matrix `(rows, width)`.
        target: The same `(target_rows, width)`.
        keeps_sparse: Whether sparse matrices come back as CSR, else dense.

    Returns:
        Pair of float64 arrays, or CSR matrices.

    Raises:
        ValueError: If one is not two-dimensional or not finite, has one row
            only, or their widths differ.
    """
    source = _rows(source, "source", keeps_sparse)
    target = _rows(target, "target", keeps_sparse)
    check_widths(source, target)
    return source, target


def _rows(features, name, keeps_sparse):
    if not scipy.sparse.issparse(features):
        return feature_rows(features, name)
    if not keeps_sparse:
        return feature_rows(features.toarray(), name)
    if features.ndim != 2 or features.shape[0] < 2:
        raise invalid_argument(
            name,
            features.shape,
            "a matrix of shape (rows, width) with 2 rows or more",
        )
    matrix = scipy.sparse.csr_array(features, dtype="float64")
    if not np.isfinite(matrix.data).all():
        raise ValueError(
            f"`{name}` has NaN or infinite values. Remove or impute such rows."
        )
    return matrix
