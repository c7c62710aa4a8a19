"""Batches of files that are read when they are needed."""

import random

import tensorflow as tf

from keras_transfer.data.autotuning import without_autotuning
from keras_transfer.data.new_orders import in_new_orders


def path_batches(rows, load, batch_size, shuffle=False, seed=None):
    """Streams files by their paths, in their order or a new one each time.

    Args:
        rows: Tuple of arrays `(rows,)`, the paths first.
        load: Function from a path to what is in the file.
        batch_size: Rows per batch; the last may be smaller.
        shuffle: Whether the whole list gets a new order in each iteration.
        seed: Non-negative integer, or `None` for any.

    Returns:
        A `tf.data.Dataset` of batches `(loaded, *others)`, or of `loaded` if
        there is nothing else. Shuffled, its variable `epoch` is the number of
        the order that comes next.

    Example:

    >>> import tensorflow as tf
    >>> from keras_transfer.data.path_batches import path_batches
    >>> rows = ["a.txt", "bb.txt"], [0, 1]
    >>> for lengths, labels in path_batches(rows, tf.strings.length, 2):
    ...     print(lengths.numpy(), labels.numpy())
    [5 6] [0 1]
    """

    def load_row(path, *others):
        loaded = load(path)
        return (loaded, *others) if others else loaded

    if shuffle:
        seed = random.randrange(2**31) if seed is None else seed
        dataset, epoch = in_new_orders(rows, seed)
    else:
        dataset = tf.data.Dataset.from_tensor_slices(tuple(rows))
    dataset = dataset.map(load_row, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)
    dataset = without_autotuning(dataset)
    if shuffle:
        dataset.epoch = epoch
    return dataset
