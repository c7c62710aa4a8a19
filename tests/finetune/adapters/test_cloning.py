"""Copies of models: values, state of all kinds, and an untouched original."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.finetune.adapters import cloning
from tests.finetune.adapters import models


def _copy(model):
    return cloning.clone(model, lambda layer: None)


def _nested():
    shared = layers.Dense(5, name="shared")
    encoder = keras.Sequential(
        [keras.Input((5,)), layers.Dense(5, "relu"), shared], name="encoder"
    )
    first, second = keras.Input((5,)), keras.Input((5,), name="second")
    x = encoder(first) + shared(encoder(second))
    return keras.Model([first, second], layers.Dense(2, name="head")(x))


def test_nested_and_shared_layers():
    model = _nested()
    x = [models.rows(3, 5), 2 * models.rows(3, 5)]
    copy = _copy(model)
    np.testing.assert_array_equal(copy(x), model(x))
    assert len(copy.weights) == len(model.weights) == 6
    names = [layer.name for layer in model.layers]
    assert [layer.name for layer in copy.layers] == names
    mine = {id(weight) for weight in model.weights}
    assert not mine & {id(weight) for weight in copy.weights}


def test_the_original_is_not_touched():
    model = _nested()
    model.get_layer("encoder").trainable = False
    model.compile("adam", lambda y, z: keras.ops.mean((y - z) ** 2))
    parts = list(model._flatten_layers())
    before = [(part.trainable, len(part._inbound_nodes)) for part in parts]
    copy = _copy(model)
    assert model.compiled and not copy.compiled
    after = [(part.trainable, len(part._inbound_nodes)) for part in parts]
    assert after == before


def test_a_sequential_model_without_an_input_layer():
    model = keras.Sequential([layers.Dense(3)])
    model(models.rows(2, 4))
    x = models.rows(2, 4)
    np.testing.assert_array_equal(_copy(model)(x), model(x))


def test_inputs_in_a_dict_and_several_outputs():
    inputs = {
        "a": keras.Input((3,), name="a"),
        "b": keras.Input((3,), name="b"),
    }
    y = layers.Dense(2)(inputs["a"] * inputs["b"])
    model = keras.Model(inputs, {"one": y, "two": y + 1})
    copy = _copy(model)
    x = {"a": models.rows(2, 3), "b": models.rows(2, 3)}
    np.testing.assert_array_equal(copy(x)["two"], model(x)["two"])


def test_statistics_that_were_adapted():
    layer = layers.Normalization()
    layer.adapt(3 * models.rows(40, 4) + 1)
    model = models.of_layer(layer, (4,))
    x = models.rows(2, 4)
    np.testing.assert_array_equal(_copy(model)(x), model(x))
    assert np.abs(model(x) - x).max() > 0.1


def test_a_vocabulary_that_was_adapted():
    layer = layers.StringLookup()
    layer.adapt(["a", "b", "b", "c"])
    model = models.of_layer(layer, (3,), "string")
    words = tf.constant([["c", "b", "?"]])
    np.testing.assert_array_equal(_copy(model)(words), model(words))
    assert len(set(np.array(model(words)).ravel())) == 3


FACTOR = 3.0


def test_a_lambda_keeps_the_names_around_it():
    layer = layers.Lambda(lambda x: FACTOR * x, output_shape=(4,), name="mine")
    copy = cloning.copied(layer)
    x = models.rows(2, 4)
    np.testing.assert_array_equal(copy(x), 3 * x)
    assert copy.name == "mine"


class Bare(layers.Layer):
    """Without a config of its own."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = [size]

    def get_config(self):
        return super().get_config()


class Unnamed(layers.Layer):
    """Keras leaves its name out of the config."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)


def test_a_layer_without_a_config_is_an_error():
    with pytest.raises(ValueError, match="'bare' cannot be copied.*Bare needs"):
        cloning.copied(Bare(3, name="bare"))


def test_names_are_kept():
    model = models.of_layer(Unnamed(name="mine"), (4,))
    copy = _copy(model)
    assert copy.layers[0].name == "mine"
    x = models.rows(2, 4)
    np.testing.assert_array_equal(copy(x), model(x))


def test_a_layer_that_grows_is_an_error():
    old, new = Unnamed(name="mine"), layers.Dense(3)
    old.build((2, 4)), new.build((2, 4))
    sequence = keras.Sequential([keras.Input((4,)), layers.Dense(4), new])
    with pytest.raises(ValueError, match="'mine' cannot be copied"):
        cloning.copy_state(old, sequence)
