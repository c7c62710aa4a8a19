"""Mini-batches of the examples of one task."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import mini_batches


def drawn(rows, number, size, seed=(1, 2)):
    batches = mini_batches.draw(tf.constant(rows), number, size, seed)
    assert batches.shape == (number, size)
    return batches.numpy()


@pytest.mark.parametrize(
    ("number", "size"),
    [(2, 3), (4, 3), (5, 2), (3, 6), (2, 10), (1, 1)],
)
def test_each_pass_has_every_row_once(number, size):
    rows = [0, 1, 2, 5, 7, 8]
    stream = drawn(rows, number, size).reshape(-1)
    for begin in range(0, len(stream) - len(rows) + 1, len(rows)):
        assert sorted(stream[begin : begin + len(rows)]) == rows
    rest = stream[len(stream) // len(rows) * len(rows) :]
    assert len(set(rest)) == len(rest) and set(rest) <= set(rows)


def test_passes_differ_and_the_seed_decides():
    stream = drawn(np.arange(20), 4, 10).reshape(-1)
    assert not np.array_equal(stream[:20], stream[20:])
    np.testing.assert_array_equal(stream, drawn(np.arange(20), 4, 10).ravel())
    other = drawn(np.arange(20), 4, 10, seed=(1, 3))
    assert not np.array_equal(stream, other.ravel())


def test_rows_are_shuffled_evenly():
    first = [drawn(np.arange(4), 1, 1, seed=(0, k))[0, 0] for k in range(400)]
    assert np.bincount(first, minlength=4).min() > 70


def test_number_of_rows_may_be_unknown():
    function = tf.function(
        lambda labels: mini_batches.draw(
            mini_batches.real_rows(labels), 3, 2, (0, 0)
        ),
        input_signature=[tf.TensorSpec([None], "int32")],
    )
    batches = function(tf.constant([0, -1, 1, -1, 2])).numpy()
    assert sorted(batches.reshape(-1)[:3]) == [0, 2, 4]


def test_only_whole_numbers_have_padding():
    labels = tf.constant([-1, 0, 3, -1])
    assert mini_batches.real_rows(labels).numpy().tolist() == [1, 2]
    values = tf.constant([-1.0, 2.0])
    assert mini_batches.real_rows(values).numpy().tolist() == [0, 1]
    pixels = tf.constant([[-1, 2], [3, 4]])
    assert mini_batches.real_rows(pixels).numpy().tolist() == [0, 1]
