"""The network that tells two domains apart."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import public


@public("layers")
class DomainDiscriminator(keras.layers.Layer):
    """A small dense network from features to one domain logit.

    Args:
        units: Widths of the hidden layers.
        activation: Activation of the hidden layers.
        dropout: Rate of dropout behind each hidden layer.
        **kwargs: Passed to `keras.layers.Layer`.

    Input shape: `(batch, width)`.

    Output shape: `(batch, 1)`, a logit: positive means target.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> kt.layers.DomainDiscriminator(units=(16,))(keras.ops.ones((4, 8))).shape
    TensorShape([4, 1])

    Reference:

    - [Ganin et al., 2016, Domain-Adversarial Training of Neural Networks,
      JMLR 17(59), figure 4](https://arxiv.org/abs/1505.07818)
    """

    def __init__(self, units=(256,), activation="relu", dropout=0.0, **kwargs):
        if isinstance(units, int) or any(width < 1 for width in units):
            raise invalid_argument("units", units, "a list of layer widths")
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self._hidden = [
            keras.layers.Dense(
                width,
                activation=self.activation,
                dtype=self.dtype_policy,
                name=f"hidden_{index}",
            )
            for index, width in enumerate(self.units)
        ]
        self._dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self._logit = keras.layers.Dense(
            1, dtype=self.dtype_policy, name="logit"
        )

    def build(self, input_shape):
        width = input_shape[-1]
        for layer in self._hidden:
            layer.build((None, width))
            width = layer.units
        self._logit.build((None, width))

    def call(self, inputs, training=None):
        x = inputs
        for layer in self._hidden:
            x = self._dropout(layer(x), training=training)
        return self._logit(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
        }
