"""Rows of a file that is larger than memory."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.data.row_stream import AbstractRowStream


class Numbers(AbstractRowStream):
    """The numbers from 0 on, read from nowhere."""

    maker = "numbers"

    def __init__(self, rows, labels=None, class_names=None, split=0.0):
        super().__init__("file", rows, labels, class_names, split, 0)
        self.read = []
        self.file_rows = rows

    @property
    def signature(self):
        return tf.TensorSpec((None,), tf.int64)

    def blocks(self, rows):
        for start in range(0, self.file_rows, rows):
            stop = min(start + rows, self.file_rows)
            self.read.append(stop)
            yield np.arange(start, stop)


def _all(dataset):
    return np.concatenate([np.asarray(batch) for batch in dataset]).tolist()


def test_batches_are_full_but_the_last():
    dataset = Numbers(2500).batches("train", 1000)
    assert dataset.cardinality() == 3
    assert [len(batch) for batch in dataset] == [1000, 1000, 500]
    assert _all(dataset) == list(range(2500))


def test_parts_are_disjoint_and_keep_their_labels():
    labels = (np.arange(300) % 3).astype("int32")
    stream = Numbers(300, labels, ["a", "b", "c"], split=0.2)
    assert stream.counts == {"train": 240, "validation": 60}
    seen = []
    for part, count in stream.counts.items():
        dataset = stream.batches(part, 32)
        assert dataset.class_names == ["a", "b", "c"]
        rows = np.concatenate([x for x, _ in dataset])
        found = np.concatenate([y for _, y in dataset])
        np.testing.assert_array_equal(found, labels[rows])
        assert np.bincount(found).tolist() == [count // 3] * 3
        seen += rows.tolist()
        x, y = stream.arrays(part)
        np.testing.assert_array_equal(x, rows)
        np.testing.assert_array_equal(y, found)
    assert sorted(seen) == list(range(300))
    assert stream.class_weight == {0: 1.0, 1: 1.0, 2: 1.0}


def test_shuffled_orders_are_new_and_repeat():
    first, second = (
        Numbers(100).batches("train", 32, shuffle=True, seed=5)
        for _ in range(2)
    )
    orders = [_all(first), _all(first)]
    assert sorted(orders[0]) == list(range(100)) and orders[0] != orders[1]
    assert [_all(second), _all(second)] == orders
    second.epoch.assign(0)
    assert _all(second) == orders[0]
    other = Numbers(100).batches("train", 32, shuffle=True, seed=6)
    assert _all(other) != orders[0]


def test_a_small_buffer_shuffles_by_stretches():
    dataset = Numbers(40).batches(
        "train", 8, shuffle=True, seed=0, buffer_rows=10
    )
    order = _all(dataset)
    stretches = [sorted(order[start : start + 10]) for start in (0, 10, 20, 30)]
    assert stretches == np.arange(40).reshape(4, 10).tolist()
    assert order != sorted(order)


def test_nothing_is_read_before_it_is_needed():
    stream = Numbers(1_000_000)
    dataset = stream.batches("train", 16)
    assert stream.read == []
    next(iter(dataset))
    # What is fetched in advance, and not the file.
    assert max(stream.read) < 100_000


def test_a_file_that_changed_is_refused():
    stream = Numbers(30)
    for rows in (29, 31):
        stream.file_rows = rows
        with pytest.raises(ValueError, match="no longer the 30 rows"):
            stream.arrays("train")


@pytest.mark.parametrize("buffer_rows", [0, 2.5])
def test_a_wrong_buffer_is_refused(buffer_rows):
    with pytest.raises(ValueError, match="buffer_rows"):
        Numbers(3).batches("train", shuffle=True, buffer_rows=buffer_rows)


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="Give numbers a larger"):
        Numbers(3).batches("validation")
