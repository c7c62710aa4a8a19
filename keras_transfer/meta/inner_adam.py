"""The inner loop of Reptile: steps of Adam on mini-batches of a task."""

from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import tree

from keras_transfer.ops.precision import at_least_float32

#: As in the authors' code; Keras' own Adam has 1e-7.
EPSILON = 1e-8


class Inner(NamedTuple):
    """What the steps change.

    Attributes:
        weights: The weights, packed.
        squares: Adam's moving means of squared gradients, packed.
        count: How many steps Adam has taken, an int32 scalar.
        state: Moving statistics and seeds of the model.
    """

    weights: Any
    squares: Any
    count: Any
    state: Any


class AdamSlots(keras.layers.Layer):
    """Adam's slots as weights, so that they are saved and resumed.

    Args:
        fast: A `FastModel`.
        packing: The `Packing` of its weights.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, fast, packing, **kwargs):
        super().__init__(**kwargs)
        self._fast = fast
        self._packing = packing
        self._squares = [
            self._slot(f"squares_{dtype}", (size,), dtype)
            for size, dtype in zip(packing.sizes, packing.dtypes, strict=True)
        ]
        self._count = self._slot("count", (), "int32")
        self.built = True

    def call(self, inputs):
        return inputs

    def start(self):
        """The `Inner` that the variables hold."""
        return Inner(
            self._packing.pack(self._fast.weights()),
            [tf.convert_to_tensor(v.value) for v in self._squares],
            tf.convert_to_tensor(self._count.value),
            self._fast.state_values(),
        )

    def assign(self, inner):
        """Writes an `Inner` to the variables, those of the model too."""
        for variables, values in (
            (self._fast.trainable, self._packing.unpack(inner.weights)),
            (self._fast.state, inner.state),
            ([*self._squares, self._count], [*inner.squares, inner.count]),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _slot(self, name, shape, dtype):
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype=dtype,
            autocast=False,
            trainable=False,
            name=name,
        )


class LastStep(NamedTuple):
    """The last mini-batch, before the step on it.

    Attributes:
        loss: Scalar.
        labels: Its labels.
        outputs: What the model gave.
    """

    loss: Any
    labels: Any
    outputs: Any


class InnerAdam:
    """Adam with `beta_1=0` on a task.

    Formula, with `g` the gradient and `t` the step from 1:

        v <- beta_2 * v + (1 - beta_2) * g^2
        w <- w - learning_rate * sqrt(1 - beta_2^t) * g / (sqrt(v) + 1e-8)

    Args:
        fast: A `FastModel`.
        packing: The `Packing` of its weights.
        loss: Function `(labels, outputs)` to a scalar or values of rows.
        learning_rate: Positive number.
        beta_2: As above.
    """

    def __init__(self, fast, packing, loss, learning_rate, beta_2):
        self.fast = fast
        self.packing = packing
        self._loss = loss
        self._learning_rate = learning_rate
        self._beta_2 = beta_2

    def run(self, start, x, y, batches):
        """Takes one step on each mini-batch.

        Args:
            start: An `Inner`.
            x: Examples `(rows, ...)`, or a structure of such.
            y: Labels `(rows, ...)`.
            batches: Row numbers `(steps, size)`, steps known.

        Returns:
            `(end, last)`, an `Inner` and a `LastStep`.
        """
        steps = batches.shape[0]
        _, end = tf.while_loop(
            lambda index, _: index < steps - 1,
            lambda index, now: (
                index + 1,
                self._step(now, x, y, batches[index])[0],
            ),
            (0, start),
        )
        return self._step(end, x, y, batches[-1])

    def _step(self, now, x, y, rows):
        x = tree.map_structure(lambda leaf: tf.gather(leaf, rows), x)
        y = tf.gather(y, rows)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(now.weights)
            weights = self.packing.unpack(now.weights)
            outputs, state, losses = self.fast.run(
                weights, now.state, x, training=True
            )
            loss = tf.reduce_mean(
                self._loss(y, tree.map_structure(at_least_float32, outputs))
            )
            for extra in [*losses, *self._regularization(weights)]:
                loss += tf.cast(extra, loss.dtype)
        gradients = tape.gradient(
            loss, now.weights, unconnected_gradients="zero"
        )
        end = self._update(now._replace(state=state), gradients)
        return end, LastStep(tf.cast(loss, "float32"), y, outputs)

    def _update(self, now, gradients):
        count = now.count + 1
        squares = [
            self._beta_2 * v + (1.0 - self._beta_2) * tf.square(g)
            for v, g in zip(now.squares, gradients, strict=True)
        ]
        unbiased = tf.sqrt(1.0 - self._beta_2 ** tf.cast(count, "float64"))
        rate = self._learning_rate * unbiased
        weights = [
            w - tf.cast(rate, w.dtype) * g / (tf.sqrt(v) + EPSILON)
            for w, g, v in zip(now.weights, gradients, squares, strict=True)
        ]
        return Inner(weights, squares, count, now.state)

    def _regularization(self, weights):
        return [
            variable.regularizer(weight)
            for variable, weight in zip(
                self.fast.trainable, weights, strict=True
            )
            if variable.regularizer is not None
        ]
