"""Batches of files that are read when they are needed."""

import numpy as np
import tensorflow as tf

from keras_transfer.data.path_batches import path_batches


def _files(folder, count):
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"text {number}")
    return np.array([str(folder / f"{n}.txt") for n in range(count)])


def _all(dataset):
    return [text.decode() for batch, _ in dataset for text in batch.numpy()]


def test_files_come_in_their_order(tmp_path):
    rows = _files(tmp_path, 5), np.arange(5)
    dataset = path_batches(rows, tf.io.read_file, 2)
    assert [len(labels) for _, labels in dataset] == [2, 2, 1]
    assert _all(dataset) == [f"text {number}" for number in range(5)]


def test_shuffled_they_come_in_new_orders_that_repeat(tmp_path):
    rows = _files(tmp_path, 20), np.arange(20)
    first, second = (
        path_batches(rows, tf.io.read_file, 8, shuffle=True, seed=1)
        for _ in range(2)
    )
    orders = [_all(first), _all(first)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])
    assert _all(second) == orders[0]
    second.epoch.assign(0)
    assert _all(second) == orders[0]
    # A label stays with its file.
    for texts, labels in first:
        for text, label in zip(texts.numpy(), labels.numpy(), strict=True):
            assert text.decode() == f"text {label}"


def test_without_labels_there_are_no_pairs(tmp_path):
    paths = _files(tmp_path, 2)
    (batch,) = path_batches((paths,), tf.io.read_file, 2)
    assert batch.numpy().tolist() == [b"text 0", b"text 1"]


def test_files_are_read_when_they_are_needed(tmp_path):
    paths = _files(tmp_path, 1)
    dataset = path_batches((paths,), tf.io.read_file, 1)
    (tmp_path / "0.txt").write_text("changed")
    assert next(iter(dataset)).numpy().tolist() == [b"changed"]
