"""What weights are computed from, and the form that they come in."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.feature_rows import check_widths
from keras_transfer.data.feature_rows import feature_rows
from keras_transfer.data.model_outputs import outputs_of


def domain_rows(
    source, target, features_of=None, batch_size=32, least_rows=2, sparse=False
):
    """Rows of both domains as float64 matrices of equal width.

    Args:
        source: Array `(n, ...)`, flattened after the first axis, or whatever
            `features_of` takes.
        target: The same for the target, `(m, ...)`.
        features_of: A Keras model, a layer or a function of a batch, whose
            outputs stand for the rows; `None` for the rows themselves.
        batch_size: Rows that it is given at a time.
        least_rows: Smallest number of rows of each domain.
        sparse: Whether SciPy's sparse matrices stay as they are.

    Returns:
        Pair of float64 arrays, or of CSR matrices where either is sparse.

    Raises:
        ValueError: If a value is not finite, or rows or columns are missing.
        TypeError: If a sparse matrix is given where none is taken.
    """
    pair = []
    for name, given in (("source", source), ("target", target)):
        if features_of is not None:
            given = outputs_of(features_of, given, batch_size)
        elif is_sparse(given):
            given = _sparse_rows(given, name, least_rows, sparse)
        if not is_sparse(given):
            given = feature_rows(_flat(given), name, least_rows)
        pair.append(given)
    check_widths(*pair)
    if any(map(is_sparse, pair)):
        from scipy.sparse import csr_array

        pair = [csr_array(rows) for rows in pair]
    return pair


def is_sparse(given):
    """Whether it is one of SciPy's sparse matrices or arrays."""
    from scipy.sparse import issparse

    return issparse(given)


def unit_mean(values):
    """Weights as float32 with the mean one.

    Args:
        values: Non-negative float64 array `(n,)`.

    Returns:
        Float32 array `(n,)`; ones where all values are zero.
    """
    mean = values.mean()
    if mean == 0:
        return np.ones(len(values), "float32")
    return (values / mean).astype("float32")


def checked_weights(weights, name="weights"):
    """Weights as a float64 array `(n,)`.

    Raises:
        ValueError: If they are negative, not finite, or all zero.
    """
    weights = np.asarray(weights)
    if weights.ndim != 1 or not len(weights) or weights.dtype.kind not in "iuf":
        raise invalid_argument(
            name,
            f"{weights.dtype.name} of shape {weights.shape}",
            "one number for each row, of shape (rows,)",
        )
    weights = weights.astype("float64")
    is_good = np.isfinite(weights).all() and weights.min() >= 0
    if not is_good or not weights.any():
        raise ValueError(
            f"`{name}` must be finite, at least 0, and not all 0. Received: "
            f"values from {weights.min():.4g} to {weights.max():.4g}."
        )
    return weights


def _flat(given):
    given = np.asarray(given)
    if given.ndim > 1:
        return given.reshape(len(given), -1)
    return given


def _sparse_rows(given, name, least_rows, allowed):
    if not allowed:
        raise TypeError(
            f"`{name}` is a sparse matrix, and this method measures distances "
            "between rows. Expected an array: call .toarray(), reduce the "
            "columns first, or use `discriminative`, which takes sparse rows."
        )
    if given.shape[0] < least_rows or given.shape[1] < 1:
        raise invalid_argument(
            name,
            given.shape,
            f"a matrix of shape (rows, width) with {least_rows} rows or more",
        )
    rows = given.tocsr().astype("float64")
    bad = ~np.isfinite(rows.data)
    if bad.any():
        row = int(np.searchsorted(rows.indptr, bad.argmax(), "right")) - 1
        raise ValueError(
            f"`{name}` has a NaN or infinite value in row {row}. Remove or "
            "impute such rows."
        )
    return rows
