"""Copies of a model with other weights."""

import keras
import numpy as np

from keras_transfer.meta import model_copies
from tests.meta import small_models


def assert_copied(model, x):
    before = [v.numpy() for v in model.variables]
    trainable = [v.numpy() + 0.5 for v in model.trainable_variables]
    state = [v.value for v in model.non_trainable_variables]
    copy = model_copies.with_values(model, trainable, state)
    assert not copy.compiled
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    expected = model(x).numpy()
    assert not np.allclose(copy(x), expected)
    model.set_weights(copy.get_weights())
    np.testing.assert_array_equal(model(x).numpy(), copy(x).numpy())


def test_functional_model(generator):
    model = small_models.convolutional(dropout=0.5)
    assert_copied(model, small_models.images(3, generator))


def test_sequential_model(generator):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    assert_copied(model, generator.normal(size=(3, 4)))


def test_subclassed_model(generator):
    model = small_models.Subclassed()
    x = small_models.images(3, generator, "float32")
    model(x)
    assert_copied(model, x)


def test_nested_model(generator):
    inside = small_models.dense("float32", outputs=5)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inside(inputs)))
    assert_copied(model, generator.normal(size=(3, 4)))
