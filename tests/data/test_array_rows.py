"""Rows of a domain in memory."""

import numpy as np
import pytest
import scipy.sparse

from keras_transfer.data.array_rows import batches_of_arrays
from keras_transfer.data.array_rows import checked_arrays
from keras_transfer.data.array_rows import dense_row_of


def _numbers(batches):
    return [int(label) for _, labels in batches for label in labels]


def _rows(count, sparse):
    x = np.arange(2.0 * count).reshape(count, 2) % 3
    return scipy.sparse.csr_matrix(x) if sparse else x


SPARSE = pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])


@SPARSE
def test_batches_in_order(sparse):
    x = _rows(7, sparse)
    batches = list(batches_of_arrays(x, np.arange(7), 3))
    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    assert _numbers(batches) == list(range(7))
    found = np.concatenate([rows for rows, _ in batches])
    np.testing.assert_array_equal(found, _rows(7, False))


@SPARSE
def test_orders_are_of_seed_and_epoch(sparse):
    x, y = _rows(20, sparse), np.arange(20)
    first = batches_of_arrays(x, y, 6, seed=1)
    one, two = _numbers(first), _numbers(first)
    assert sorted(one) == sorted(two) == y.tolist() and one != two
    again = batches_of_arrays(x, y, 6, seed=1)
    again.epoch.assign(1)
    assert _numbers(again) == two
    assert _numbers(batches_of_arrays(x, y, 6, seed=2)) != one


@SPARSE
def test_rows_keep_their_labels(sparse):
    x = _rows(20, sparse)
    for rows, labels in batches_of_arrays(x, np.arange(20), 8, seed=0):
        np.testing.assert_array_equal(rows, _rows(20, False)[labels.numpy()])


def test_the_length_is_known():
    assert len(batches_of_arrays(_rows(7, False), np.arange(7), 3)) == 3


def test_an_empty_sparse_row_is_zero():
    x = scipy.sparse.csr_matrix(np.array([[0.0, 0.0], [0.0, 5.0]]))
    row = dense_row_of(x, np.array([3, 4]))
    assert row(0)[0].numpy().tolist() == [0, 0] and int(row(0)[1]) == 3
    assert row(1)[0].numpy().tolist() == [0, 5]


@pytest.mark.parametrize(
    "rows, message",
    [
        ("ab", "must be a pair"),
        ((np.eye(2),), "must be a pair"),
        ((np.eye(2), np.eye(2, dtype=int)), "must have one axis"),
        ((np.eye(2), ["a", "b"]), "Labels of a domain are integers"),
        ((np.eye(2), np.array([0.5, 1.0])), "must be integers or strings"),
        ((np.eye(2), [0, 1, 2]), "one label for each"),
        ((np.zeros((0, 2)), np.zeros(0, int)), "one row or more"),
        ((np.float32(1), [0]), "one label for each"),
    ],
    ids=lambda value: value if isinstance(value, str) else "rows",
)
def test_what_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        checked_arrays(rows)


def test_arrays_take_no_function():
    with pytest.raises(ValueError, match="`load` is for a tf.data.Dataset"):
        checked_arrays((np.eye(2), [0, 1]), load=lambda x, y: (x, y))
