"""The gradient reversal layer."""

import keras

from keras_transfer import schedules
from keras_transfer._public import public
from keras_transfer.ops.gradients import reverse_gradient


@public("layers")
class GradientReversal(keras.layers.Layer):
    """Identity forward, gradient times `-strength` backward.

    Formula:

        R(x) = x,    dR/dx = -strength * I

    Args:
        strength: The paper's lambda: a number, or a schedule, whose value
            follows the `progress` given to the call.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor of any shape.
        progress: Share of training done, between 0 and 1. Schedules only.

    Output shape: that of the inputs.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> x = keras.ops.ones((2, 3))
    >>> kt.layers.GradientReversal(strength=0.3)(x).shape
    TensorShape([2, 3])

    Reference:

    - [Ganin & Lempitsky, 2015, Unsupervised Domain Adaptation by
      Backpropagation, eq. 4-5](https://arxiv.org/abs/1409.7495)
    """

    def __init__(self, strength=1.0, **kwargs):
        strength = schedules.get(strength, "strength")
        super().__init__(**kwargs)
        self.strength = strength
        self.supports_masking = True
        self.built = True

    def call(self, inputs, progress=1.0):
        return reverse_gradient(
            inputs, schedules.value_at(self.strength, progress)
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        strength = schedules.serialize(self.strength)
        return {**super().get_config(), "strength": strength}
