"""Stochastic normalization in the place of batch norm."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.replace_batch_norm import replace_batch_norm
from keras_transfer.layers.stochastic_normalization import (
    StochasticNormalization,
)


def _model(**arguments):
    norm = keras.layers.BatchNormalization(name="norm", **arguments)
    inner = keras.Sequential([keras.Input((4,)), norm], name="inner")
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="head")(inner(inputs))
    return keras.Model(inputs, keras.layers.BatchNormalization(name="top")(x))


def test_all_are_replaced_and_the_function_stays(generator):
    model = _model()
    for weight in model.weights:
        weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    model.get_layer("inner").trainable = False
    new = replace_batch_norm(model, probability=0.3, seed=5)
    norms = [
        new.get_layer("inner").get_layer("norm"),
        new.get_layer("top"),
    ]
    assert all(type(norm) is StochasticNormalization for norm in norms)
    assert [norm.probability for norm in norms] == [0.3, 0.3]
    assert len({norm.seed for norm in norms}) == 2
    assert [norm.trainable for norm in norms] == [False, True]
    x = generator.normal(size=(3, 4)).astype("float32")
    np.testing.assert_allclose(new(x), model(x), atol=1e-6)
    new.get_layer("head").kernel.assign(np.zeros((4, 3)))
    assert np.abs(model.get_layer("head").get_weights()[0]).min() > 0


def test_what_is_not_supported_is_refused():
    with pytest.raises(ValueError, match="renorm"):
        replace_batch_norm(_model(renorm=True))
