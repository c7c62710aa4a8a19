"""A linear head that begins as a classifier by prototypes."""

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.ops.prototypes import ABSENT
from keras_transfer.ops.prototypes import class_means

#: The same for float16, in which `ABSENT` is infinite.
_ABSENT_IN_HALF = -3e4


class PrototypeStart:
    """Sets the weights of the head from the support.

    Formula, with `c_k` the mean of what the head is given for class `k`:

        W[:, k] = 2 c_k,    b[k] = -||c_k||^2

    so that the logits are minus the squared distance to the means, up to a
    constant. Gradients flow through the means.

    Args:
        fast: A `FastModel`.
        head: Its last layer, `Dense` without an activation.
    """

    def __init__(self, fast, head):
        is_linear = (
            isinstance(head, keras.layers.Dense)
            and head.use_bias
            and head.activation is keras.activations.linear
        )
        if not is_linear:
            raise invalid_argument(
                "initialization",
                "prototypes",
                "None, unless the last layer with weights is a Dense with bias "
                f"and without activation. That is {head.name!r} here",
            )
        self._fast = fast
        self._head = head

    def weights(self, weights, state, x, labels, training):
        """The weights of the head.

        Args:
            weights: As `FastModel.run` takes them.
            state: Likewise.
            x: Examples `(rows, ...)` without padding.
            labels: Classes `(rows,)`.
            training: Python boolean.

        Returns:
            `(weights, new_state)`: a dict of tensors by the id of the
            variable, and the state after a pass.
        """
        features, state = self._fast.inputs_of(
            self._head, weights, state, x, training
        )
        means, counts = class_means(features, labels, self._head.units)
        is_half = self._head.compute_dtype == "float16"
        bias = tf.where(
            counts > 0,
            -tf.reduce_sum(tf.square(means), -1),
            tf.cast(_ABSENT_IN_HALF if is_half else ABSENT, means.dtype),
        )
        kernel = 2.0 * tf.transpose(means)
        return {
            id(variable): tf.cast(value, variable.dtype)
            for variable, value in (
                (self._head.kernel, kernel),
                (self._head.bias, bias),
            )
        }, state
