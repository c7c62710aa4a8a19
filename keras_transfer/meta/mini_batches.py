"""Mini-batches of the examples of one task."""

import tensorflow as tf

from keras_transfer.meta import task_rows


def real_rows(labels):
    """Numbers of the rows that are not padding.

    Args:
        labels: Labels `(rows, ...)` of one task. Only integers have padding,
            which is -1.

    Returns:
        int32 `(real rows,)`.
    """
    if task_rows.are_classes(labels):
        return tf.cast(tf.where(labels >= 0)[:, 0], "int32")
    return tf.range(tf.shape(labels)[0])


def draw(rows, number, size, seed):
    """Mini-batches from endless passes over rows, shuffled in each pass.

    Every row comes once in a pass; a batch may reach into the next one, where
    a row can come for the second time.

    Args:
        rows: Row numbers `(n,)`, at least one.
        number: How many batches.
        size: Rows in a batch.
        seed: Two integers, which alone decide.

    Returns:
        Row numbers `(number, size)`.
    """
    available = tf.size(rows)
    passes = -(-number * size // available)
    keys = tf.random.stateless_uniform([passes, available], seed)
    order = tf.reshape(tf.argsort(keys, axis=-1), [-1])[: number * size]
    return tf.reshape(tf.gather(rows, order), [number, size])
