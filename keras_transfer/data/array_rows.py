"""Rows of a domain that is held in memory."""

import numpy as np
import scipy.sparse
import tensorflow as tf

from keras_transfer.data.autotuning import without_autotuning
from keras_transfer.data.checks import checked_labels
from keras_transfer.data.new_orders import in_new_orders


def checked_arrays(rows, load=None):
    """Arrays `(x, y)` of a domain, sparse or not, with int64 labels.

    Args:
        rows: What the caller of `DomainDataset` gave.
        load: The same; must be `None`.

    Raises:
        ValueError: If they are no pair, do not fit, or labels are no integers.

    Example:

    >>> from keras_transfer.data.array_rows import checked_arrays
    >>> checked_arrays(([[1.0], [2.0]], [0, 1]))[1]
    array([0, 1])
    """
    if not isinstance(rows, tuple | list) or len(rows) != 2:
        raise ValueError(
            "`rows` must be a pair (x, y) of arrays or a tf.data.Dataset of "
            f"such. Received: {type(rows).__name__}."
        )
    if load is not None:
        raise ValueError(
            "`load` is for a tf.data.Dataset. Give arrays as they are to be "
            "seen."
        )
    x, y = rows
    x = x.tocsr() if scipy.sparse.issparse(x) else np.asarray(x)
    y = checked_labels(y)
    if y.dtype.kind not in "iu":
        raise ValueError(
            "Labels of a domain are integers. Received: dtype "
            f"{y.dtype}. Give np.unique(y, return_inverse=True)[1], and the "
            "names as `class_names`."
        )
    if x.ndim == 0 or x.shape[0] != len(y) or not len(y):
        raise ValueError(
            "`rows` must be (x, y) with one label for each of one row or "
            f"more. Received: shapes {x.shape} and {y.shape}."
        )
    return x, y.astype("int64")


def batches_of_arrays(x, y, batch_size, seed=None):
    """Batches of arrays, in their order or in one of (seed, epoch).

    Args:
        x: Array `(rows, ...)` or CSR matrix, whose rows become dense.
        y: Labels `(rows,)`.
        batch_size: Rows per batch.
        seed: Integer or `None` for the order given.

    Returns:
        A `tf.data.Dataset`, with the variable `epoch` if it is shuffled.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.array_rows import batches_of_arrays
    >>> batches = batches_of_arrays(np.eye(5), np.arange(5), 3)
    >>> [len(labels) for _, labels in batches]
    [3, 2]
    """
    epoch = None
    if seed is None:
        numbers_of_rows = tf.data.Dataset.range(len(y))
    else:
        orders, epoch = in_new_orders((np.arange(len(y)),), seed)
        numbers_of_rows = orders.map(lambda number: number)
    with tf.device("CPU:0"):
        if scipy.sparse.issparse(x):
            row = dense_row_of(x, y)
            dataset = numbers_of_rows.map(
                row, num_parallel_calls=tf.data.AUTOTUNE
            ).batch(batch_size)
        else:
            columns = tf.constant(x), tf.constant(y)
            dataset = numbers_of_rows.batch(batch_size).map(
                lambda rows: tuple(tf.gather(c, rows) for c in columns),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
    dataset = without_autotuning(dataset.prefetch(tf.data.AUTOTUNE))
    if epoch is not None:
        dataset.epoch = epoch
    return dataset


def dense_row_of(x, y):
    """Function of a row number to the row of a sparse matrix, and its label.

    Args:
        x: CSR matrix.
        y: Labels `(rows,)`.

    Returns:
        A function for `tf.data.Dataset.map`.

    Example:

    >>> import numpy as np, scipy.sparse
    >>> from keras_transfer.data.array_rows import dense_row_of
    >>> row = dense_row_of(scipy.sparse.csr_matrix(np.eye(3)), np.arange(3))
    >>> row(1)[0].numpy()
    array([0., 1., 0.])
    """
    values = tf.constant(x.data)
    columns = tf.constant(x.indices[:, None].astype("int64"))
    ends = tf.constant(x.indptr.astype("int64"))
    labels = tf.constant(y)

    def row(number):
        part = slice(ends[number], ends[number + 1])
        dense = tf.scatter_nd(columns[part], values[part], [x.shape[1]])
        return tf.ensure_shape(dense, [x.shape[1]]), labels[number]

    return row
