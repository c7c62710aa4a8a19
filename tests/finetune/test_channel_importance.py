"""Weights of channels by what the loss gains without them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.finetune.channel_importance import channel_importance


def _model():
    inner = keras.Sequential(
        [keras.Input((5, 3)), keras.layers.Conv1D(4, 2, name="conv")],
        name="backbone",
    )
    inputs = keras.Input((5, 3))
    x = keras.layers.GlobalAveragePooling1D()(inner(inputs))
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


@pytest.fixture
def data(generator):
    x = generator.normal(size=(7, 5, 3)).astype("float32")
    return x, 3 * generator.normal(size=(7, 2)).astype("float32")


def numpy_importance(model, x, y):
    kernel, bias = model.get_layer("head").get_weights()
    maps = np.array(model.get_layer("backbone")(x), "float64")

    def loss(keep):
        outputs = (maps * keep).mean(axis=1) @ kernel + bias
        return ((outputs - y) ** 2).mean(axis=1).mean()

    gains = np.array([loss(1 - row) for row in np.eye(4)]) - loss(np.ones(4))
    return np.exp(gains) / np.exp(gains).sum()


@pytest.mark.parametrize("kind", ["arrays", "dataset"])
def test_weights_equal_numpy(data, kind):
    model = _model()
    given = data
    if kind == "dataset":
        given = tf.data.Dataset.from_tensor_slices(data).batch(4)
    found = channel_importance(
        model, given, "backbone/conv", loss="mse", batch_size=3
    )
    weights = found["backbone/conv"]
    np.testing.assert_allclose(
        weights, numpy_importance(model, *data), atol=1e-5
    )
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-5)


def test_a_channel_that_nobody_reads_counts_least(data):
    model = _model()
    kernel, bias = model.get_layer("head").get_weights()
    x, _ = data
    kernel[2] = 0.0
    model.get_layer("head").set_weights([kernel, bias])
    y = model.predict(x, verbose=0)  # the loss can only rise
    weights = channel_importance(model, (x, y), ["conv"], loss="mse")["conv"]
    assert np.argmin(weights) == 2


def test_the_model_is_left_as_it_was(data):
    model = _model()
    model.compile("sgd", "mse")
    before = model.get_weights()
    by_default = channel_importance(model, data, ["conv"])["conv"]
    by_name = channel_importance(model, data, ["conv"], loss="mse")["conv"]
    np.testing.assert_allclose(by_default, by_name, rtol=1e-6)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert model.compiled
    assert "call" not in model.get_layer("backbone").get_layer("conv").__dict__


@pytest.mark.parametrize(
    ("layers", "loss", "named"),
    [("cnov", "mse", "layers"), ("conv", None, "loss")],
    ids=["layer", "loss"],
)
def test_wrong_arguments_are_refused(data, layers, loss, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        channel_importance(_model(), data, layers, loss=loss)


def test_no_data_are_refused(data):
    empty = tf.data.Dataset.from_tensor_slices(data).batch(4).take(0)
    with pytest.raises(ValueError, match="`data`"):
        channel_importance(_model(), empty, "conv", loss="mse")
