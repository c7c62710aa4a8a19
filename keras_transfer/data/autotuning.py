"""`tf.data` pipelines that end when their last batch has been taken."""

import tensorflow as tf


def without_autotuning(dataset):
    """The dataset, with what tunes its parallelism switched off.

    TensorFlow (2.21) tunes a pipeline in a thread that sleeps 10 ms, then 20,
    40 and so on up to a minute. Where an iterator ends while all processors
    are busy, that thread often misses the call to stop, and the iterator waits
    for it to wake: an epoch then takes up to twice its time. Without tuning,
    `tf.data.AUTOTUNE` means as many calls as there are processors.

    Args:
        dataset: A `tf.data.Dataset`. A choice that it already makes is kept.

    Returns:
        A `tf.data.Dataset` of the same elements.

    Example:

    >>> import tensorflow as tf
    >>> from keras_transfer.data.autotuning import without_autotuning
    >>> dataset = without_autotuning(tf.data.Dataset.range(3))
    >>> dataset.options().autotune.enabled
    False
    """
    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
