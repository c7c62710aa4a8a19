"""Steps of Adam on mini-batches of a task."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta.fast_model import FastModel
from keras_transfer.meta.inner_adam import EPSILON
from keras_transfer.meta.inner_adam import AdamSlots
from keras_transfer.meta.inner_adam import InnerAdam
from keras_transfer.meta.packing import Packing
from tests.meta import small_models

LOSS = keras.losses.SparseCategoricalCrossentropy(
    from_logits=True, dtype="float64"
)
RATE = 0.05


def parts_of(model, beta_2=0.9):
    fast = FastModel(model)
    packing = Packing(fast.trainable)
    adam = InnerAdam(fast, packing, LOSS, RATE, beta_2)
    return adam, AdamSlots(fast, packing)


def task(generator, rows=6, dtype="float32"):
    x = generator.normal(size=(rows, 4)).astype(dtype)
    return x, generator.integers(0, 3, rows).astype("int32")


def linear(dtype="float64"):
    inputs = keras.Input((4,), dtype=dtype)
    return keras.Model(inputs, keras.layers.Dense(3, dtype=dtype)(inputs))


def numpy_gradient(weights, x, y):
    kernel, bias = weights
    logits = x @ kernel + bias
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    residuals = (shares - np.eye(3)[y]) / len(y)
    return [x.T @ residuals, residuals.sum(0)]


def numpy_adam(weights, squares, count, x, y, batches, beta_2=0.9):
    """The twin: plain Adam with beta_1 = 0, on lists."""
    for rows in batches:
        count += 1
        gradients = numpy_gradient(weights, x[rows], y[rows])
        squares = [
            beta_2 * v + (1 - beta_2) * g**2
            for v, g in zip(squares, gradients, strict=True)
        ]
        weights = [
            w - RATE * g / (np.sqrt(v) / unbiased + EPSILON / unbiased)
            for w, g, v in zip(weights, gradients, squares, strict=True)
            for unbiased in [np.sqrt(1 - beta_2**count)]
        ]
    return weights, squares, count


def test_steps_equal_numpy_over_several_runs(generator):
    adam, slots = parts_of(linear())
    x, y = task(generator, dtype="float64")
    weights = [v.numpy() for v in slots._fast.trainable]
    squares, count = [np.zeros_like(w) for w in weights], 0
    for batches in ([[0, 1], [2, 3], [4, 5]], [[5, 0, 3]]):
        end, _ = adam.run(slots.start(), x, y, tf.constant(batches))
        slots.assign(end)
        weights, squares, count = numpy_adam(
            weights, squares, count, x, y, batches
        )
    for found, expected in zip(slots._fast.trainable, weights, strict=True):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    found = adam.packing.unpack(slots.start().squares)
    for one, expected in zip(found, squares, strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-6)
    assert int(slots.start().count) == count == 4


def test_steps_equal_those_of_keras(generator):
    """Training on the task, by another road."""
    model = small_models.dense("float32")
    adam, slots = parts_of(model)
    x, y = task(generator)
    end, _ = adam.run(slots.start(), x, y, tf.constant([[0, 1, 2], [3, 4, 5]]))
    model.compile(
        keras.optimizers.Adam(RATE, beta_1=0.0, beta_2=0.9, epsilon=EPSILON),
        LOSS,
    )
    model.train_on_batch(x[:3], y[:3])
    model.train_on_batch(x[3:], y[3:])
    for found, expected in zip(
        adam.packing.unpack(end.weights), model.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_nothing_of_the_model_changes(generator):
    model = small_models.convolutional("float32", dropout=0.5)
    adam, slots = parts_of(model)
    before = [v.numpy() for v in model.variables]
    x = small_models.images(4, generator, "float32")
    end, _ = adam.run(
        slots.start(), x, np.zeros(4), tf.constant([[0, 1], [2, 3]])
    )
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    slots.assign(end)
    moved = [
        not np.array_equal(old, variable.numpy())
        for old, variable in zip(before, model.variables, strict=True)
    ]
    assert all(moved)  # moving statistics and the seed of dropout too


def test_the_loss_falls_and_the_last_step_is_told(generator):
    adam, slots = parts_of(linear())
    x, y = task(generator, dtype="float64")
    batches = tf.constant([np.arange(6)] * 20)
    _, first = adam.run(slots.start(), x, y, batches[:1])
    end, last = adam.run(slots.start(), x, y, batches)
    assert float(last.loss) < 0.7 * float(first.loss)
    np.testing.assert_array_equal(last.labels, y)
    np.testing.assert_allclose(first.outputs, slots._fast.model(x), rtol=1e-6)
    assert float(first.loss) == pytest.approx(float(LOSS(y, first.outputs)))


def test_regularization_is_part_of_the_loss(generator):
    inputs = keras.Input((4,))
    dense = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5))
    outputs = keras.layers.ActivityRegularization(l2=0.1)(dense(inputs))
    model = keras.Model(inputs, outputs)
    adam, slots = parts_of(model)
    x, y = task(generator)
    _, last = adam.run(slots.start(), x, y, tf.constant([np.arange(6)]))
    expected = float(LOSS(y, model(x))) + float(sum(model.losses))
    assert float(last.loss) == pytest.approx(expected, rel=1e-5)


def test_unused_weights_stay(generator):
    class Half(keras.Model):
        def __init__(self):
            super().__init__()
            self.used = keras.layers.Dense(3)
            self.unused = keras.layers.Dense(3)
            self.used.build((None, 4))
            self.unused.build((None, 4))
            self.built = True

        def call(self, inputs):
            return self.used(inputs)

    adam, slots = parts_of(Half())
    x, y = task(generator)
    end, _ = adam.run(slots.start(), x, y, tf.constant([[0, 1], [2, 3]]))
    found = adam.packing.unpack(end.weights)
    np.testing.assert_array_equal(found[2], slots._fast.trainable[2].numpy())
    assert not np.array_equal(found[0], slots._fast.trainable[0].numpy())


def test_embeddings_train():
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="int32"),
            keras.layers.Embedding(5, 4),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    adam, slots = parts_of(model)
    x = np.array([[0, 1], [1, 3]], "int32")
    end, _ = adam.run(
        slots.start(), x, np.array([0, 2]), tf.constant([[0, 1], [1, 0]])
    )
    moved = adam.packing.unpack(end.weights)[0] - slots._fast.trainable[0]
    rows = np.abs(moved.numpy()).max(1) > 0
    assert rows.tolist() == [True, True, False, True, False]
