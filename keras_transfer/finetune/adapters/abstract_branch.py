"""What one adapter adds to one layer."""

import keras
from keras import ops


class AbstractBranch(keras.layers.Layer):
    """What one adapter adds to one layer, and how much of it.

    An `AdaptedLayer` calls the methods in this order, in each step:
    `scale_inputs` before its base layer, `term` between the base and its
    activation, and `change_outputs` at the end. Without an override they do
    nothing. Whatever an adapter does is multiplied by `strength`, 0 or 1 or
    what the user combines it with, so that with 0 the base is left.

    Args:
        adapter: The adapter.
        base: The built base layer, without its activation.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, adapter, base, **kwargs):
        super().__init__(dtype=learning_policy(base.dtype_policy), **kwargs)
        self.adapter = adapter

        # Made here, so that every adapter has one.
        self.strength = self.add_weight(
            shape=(),
            initializer="ones",
            trainable=False,
            autocast=False,
            name="strength",
        )

    def add_learnt(self, name, shape, initializer):
        """Adds a weight that is read in full precision everywhere."""
        return self.add_weight(
            shape=shape, initializer=initializer, autocast=False, name=name
        )

    @property
    def own_weights(self):
        """What the adapter has learnt: all weights but the strength."""
        return [w for w in self.weights if w is not self.strength]

    def begin(self):
        """Sets what depends on the weights of the base, which now has them."""

    def scale_inputs(self, x):
        """The inputs of the base."""
        return x

    def term(self, x, outputs, training):
        """What is added to the base's outputs, or `None`."""

    def change_outputs(self, y, training):
        """The outputs, after the activation."""
        return y

    def merge_term(self, kernel, bias, base_kernel):
        """`(kernel, bias)` with `term` in it."""
        return kernel, bias

    def merge_factor(self, kernel, bias):
        """`(kernel, bias)` with the factors of inputs and outputs in it."""
        return kernel, bias

    def merge_refusal(self, activation, bias):
        """Why the base cannot take the adapter in, or `None` if it can."""

    def in_compute_dtype(self, variable):
        """A variable in the precision in which the layer computes."""
        return ops.cast(variable, self.compute_dtype)


def learning_policy(policy):
    """The dtype policy of something that learns beside a layer.

    Steps of learning vanish in half precision, so that weights are float32
    even where the base's are not.
    """
    if policy.variable_dtype not in ("float16", "bfloat16"):
        return policy
    return keras.DTypePolicy(f"mixed_{policy.compute_dtype}")
