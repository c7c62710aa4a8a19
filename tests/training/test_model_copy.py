"""Copies that share nothing."""

import keras
import numpy as np
import pytest

from keras_transfer.training.model_copy import copy_of


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_copy_has_the_values_and_not_the_variables(kind, generator):
    layers = [
        keras.layers.Dense(3, name="dense"),
        keras.layers.BatchNormalization(name="norm"),
    ]
    if kind == "sequential":
        model = keras.Sequential([keras.Input((4,)), *layers])
    else:
        inputs = keras.Input((4,))
        model = keras.Model(inputs, layers[1](layers[0](inputs)))
    layers[0].trainable = False
    for weight in model.weights:
        weight.assign(generator.uniform(0.5, 1.0, weight.shape))
    copy = copy_of(model)
    x = generator.normal(size=(2, 4)).astype("float32")
    np.testing.assert_array_equal(copy(x), model(x))
    copy.get_layer("dense").kernel.assign(np.zeros((4, 3)))
    assert np.abs(model.get_layer("dense").get_weights()[0]).min() > 0
    assert not copy.get_layer("dense").trainable
    assert not copy.compiled


def test_what_keras_cannot_clone_is_refused():
    class Own(keras.Model):
        def __init__(self, width):
            super().__init__()
            self.dense = keras.layers.Dense(width)

        def call(self, inputs):
            return self.dense(inputs)

        def get_config(self):
            raise NotImplementedError("no config")

    model = Own(3)
    model(np.ones((1, 2)))
    with pytest.raises(ValueError, match="cannot be copied.*get_config"):
        copy_of(model)
