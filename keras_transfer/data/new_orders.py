"""Rows in a new order each time a dataset is iterated."""

import tensorflow as tf


def in_new_orders(columns, seed):
    """Rows in an order that depends on the seed and a count alone.

    `Dataset.shuffle` would depend on the global seed of TensorFlow too, and
    draws from a buffer. Here the whole list gets a new order.

    Args:
        columns: Tuple of arrays with the same number of rows, such as paths
            and labels. They are kept in memory.
        seed: Integer.

    Returns:
        `(dataset, epoch)`: a `tf.data.Dataset` of tuples, one row each, and
        the variable that counts how often the dataset was iterated, which
        decides the order that comes next.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.new_orders import in_new_orders
    >>> dataset, epoch = in_new_orders((np.arange(3),), seed=0)
    >>> sorted(int(row) for row, in dataset), int(epoch)
    ([0, 1, 2], 1)
    """
    # The pipeline runs on the host, on machines with a GPU too.
    with tf.device("CPU:0"):
        columns = tuple(tf.convert_to_tensor(column) for column in columns)
        epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
    count = len(columns[0])

    def one_order(_):
        # Counted inside the pipeline, once for each iterator.
        now = epoch.read_value()
        epoch.assign_add(1)
        # All integers are possible, so that hardly two keys are equal.
        keys = tf.random.stateless_uniform(
            [count],
            tf.stack([tf.constant(seed, tf.int64), now]),
            minval=None,
            maxval=None,
            dtype=tf.int64,
        )
        return tf.data.Dataset.from_tensor_slices(tf.argsort(keys))

    def take(row):
        return tuple(tf.gather(column, row) for column in columns)

    orders = tf.data.Dataset.from_tensors(0).flat_map(one_order)
    orders = orders.apply(tf.data.experimental.assert_cardinality(count))
    return orders.map(take), epoch
