import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.data import model_outputs
from tests.adaptation import small


def test_models_layers_and_functions_agree(generator):
    x = generator.normal(size=(7, 4)).astype("float32")
    layer = keras.layers.Dense(3)
    model = keras.Sequential([keras.Input((4,)), layer])
    expected = model.predict(x, verbose=0)
    for given in (model, layer, lambda x: x @ layer.kernel + layer.bias):
        found = model_outputs.outputs_of(given, x, batch_size=3)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_layers_run_in_inference_mode(generator):
    x = generator.normal(size=(7, 4)).astype("float32")
    found = model_outputs.outputs_of(keras.layers.Dropout(0.9), x)
    np.testing.assert_array_equal(found, x)


def test_a_nest_of_inputs(generator):
    x = {"a": generator.normal(size=(7, 2)), "b": np.arange(7.0)[:, None]}
    found = model_outputs.outputs_of(lambda x: x["a"] + x["b"], x, 3)
    np.testing.assert_array_equal(found, x["a"] + x["b"])
    assert model_outputs.num_rows(x) == 7


def test_several_outputs_are_refused(generator):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [inputs, inputs * 2])
    with pytest.raises(ValueError, match="single output. Received: list"):
        model_outputs.outputs_of(model, np.zeros((3, 4)))


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ValueError, match="a layer or a function"):
        model_outputs.outputs_of("model", np.zeros((3, 4)))


def test_a_trainer_stands_for_its_model():
    model = small.dense_model()
    trainer = kt.DomainAdaptation(model, None)
    assert model_outputs.plain_model(trainer) is model
    assert model_outputs.plain_model(model) is model
