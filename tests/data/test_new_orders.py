"""New orders: all rows, once, as the seed and the count say."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer.data.new_orders import in_new_orders

ROWS = 50


def _orders(seed, count, first=0):
    dataset, epoch = in_new_orders((np.arange(ROWS),), seed)
    epoch.assign(first)
    return [[int(row) for (row,) in dataset] for _ in range(count)]


def test_every_iteration_has_all_rows_in_another_order():
    orders = [*_orders(0, 3), *_orders(1, 3)]
    assert all(sorted(order) == list(range(ROWS)) for order in orders)
    assert len({tuple(order) for order in orders}) == 6
    assert list(range(ROWS)) not in orders


def test_an_order_depends_on_the_seed_and_the_count_alone():
    first, second, third = _orders(7, 3)
    keras.utils.set_random_seed(3)
    np.random.default_rng().random()
    assert _orders(7, 2) == [first, second]
    assert _orders(7, 1, first=2) == [third]


def test_a_row_far_away_comes_to_the_front():
    # A buffer would keep the last rows from the beginning of an epoch.
    dataset, _ = in_new_orders((np.arange(10_000),), 0)
    firsts = [int(next(iter(dataset))[0]) for _ in range(20)]
    assert max(firsts) > 7_000 and min(firsts) < 3_000


def test_columns_stay_together_and_the_length_is_known():
    names = np.array([str(row) for row in range(ROWS)])
    dataset, epoch = in_new_orders((names, np.arange(ROWS, dtype="int32")), 0)
    assert len(dataset) == ROWS
    assert dataset.element_spec == (
        tf.TensorSpec((), tf.string),
        tf.TensorSpec((), tf.int32),
    )
    for name, row in dataset:
        assert int(name.numpy()) == int(row)
    assert int(epoch) == 1
