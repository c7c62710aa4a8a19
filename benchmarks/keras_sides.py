"""Keras' part of the benchmarks that go side by side: networks, data.

Not to be imported beside PyTorch; see `alternation`.
"""

import sys

import conv4_arrays
import keras
import tensorflow as tf


def use_threads(ops_share=True):
    """Sets the number of threads, the script's argument.

    Args:
        ops_share: Whether all of them may work on one operation, or each on
            operations of its own.
    """
    threads = int(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(
        threads if ops_share else 1
    )
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def network(kind, values):
    """A network of `conv4_arrays` from Keras' stock layers.

    Args:
        kind: `"stride"`, `"pool"` or `"pool_first"`.
        values: Its trainable variables.
    """
    layers = keras.layers
    inputs = x = keras.Input((28, 28, 1))
    for _ in range(conv4_arrays.BLOCKS):
        x = layers.Conv2D(
            conv4_arrays.FILTERS,
            3,
            strides=2 if kind == "stride" else 1,
            padding="same",
            use_bias=False,
        )(x)
        x = layers.BatchNormalization(epsilon=conv4_arrays.EPSILON)(x)
        if kind == "pool_first":
            x = layers.MaxPooling2D()(x)
        x = layers.ReLU()(x)
        if kind == "pool":
            x = layers.MaxPooling2D()(x)
    if kind == "stride":
        x = layers.GlobalAveragePooling2D()(x)
    else:
        x = layers.Flatten()(x)
    if len(values) > 3 * conv4_arrays.BLOCKS:
        x = layers.Dense(values[-1].shape[0])(x)
    model = keras.Model(inputs, x)
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)
    return model


def dataset(arrays, steps):
    """Episodes as `fit` takes them, so many batches."""
    x = {"support": arrays["xs"], "query": arrays["xq"]}
    y = {"support": arrays["ys"], "query": arrays["yq"]}
    batches = tf.data.Dataset.from_tensor_slices((x, y))
    batches = batches.repeat().take(steps).prefetch(tf.data.AUTOTUNE)
    # Or `fit` may wait for the tuning thread, long after its last step.
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def gradients_of_a_step(trainer, model, data):
    """Loss and gradients of a step of `fit`, as it would use them.

    A step of plain gradient descent at rate 1 takes the gradient away, so
    that only public parts are used.

    Args:
        trainer: Compiled with `SGD(1.0)`.
        model: What it trains.
        data: Dataset of one batch.
    """
    before = [variable.numpy() for variable in model.trainable_variables]
    history = trainer.fit(data, verbose=0).history
    after = [variable.numpy() for variable in model.trainable_variables]
    return history, [b - a for b, a in zip(before, after, strict=True)]
