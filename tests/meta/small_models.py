"""Small networks on which second derivatives are checked."""

import keras
import numpy as np
from keras import layers


def dense(dtype="float64", width=4, outputs=3, activation="tanh"):
    inputs = keras.Input((width,), dtype=dtype)
    x = layers.Dense(5, activation=activation, dtype=dtype)(inputs)
    return keras.Model(inputs, layers.Dense(outputs, dtype=dtype)(x))


def convolutional(
    dtype="float64", batch_norm=True, pooling=True, dropout=0.0, momentum=0.9
):
    """Images `(7, 7, 2)`: the last row and column are in no window."""
    inputs = keras.Input((7, 7, 2), dtype=dtype)
    x = layers.Conv2D(4, 3, padding="same", dtype=dtype)(inputs)
    if batch_norm:
        x = layers.BatchNormalization(momentum=momentum, dtype=dtype)(x)
    if pooling:
        x = layers.MaxPooling2D(dtype=dtype)(x)
    x = layers.Activation("tanh", dtype=dtype)(x)
    if dropout:
        x = layers.Dropout(dropout, seed=3, dtype=dtype)(x)
    x = layers.Flatten(dtype=dtype)(x)
    return keras.Model(inputs, layers.Dense(3, dtype=dtype)(x))


class Subclassed(keras.Model):
    """A model without a graph of layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv2D(4, 3)
        self.norm = layers.BatchNormalization(momentum=0.9)
        self.pool = layers.MaxPooling2D()
        self.drop = layers.Dropout(0.5, seed=1)
        self.dense = layers.Dense(3)

    def call(self, inputs, training=None):
        x = self.norm(self.convolution(inputs), training=training)
        x = self.drop(self.pool(x), training=training)
        return self.dense(keras.ops.mean(x, axis=(1, 2)))


def images(rows, generator, dtype="float64"):
    return generator.normal(size=(rows, 7, 7, 2)).astype(dtype)


def as_arrays(tensors):
    return [np.array(tensor) for tensor in tensors]
