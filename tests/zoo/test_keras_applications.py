"""`keras.applications` through the zoo; weights are Keras' own affair."""

import urllib.request

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import zoo

NAME = "keras_applications/mobilenet_v2"
SMALL = {"input_shape": (32, 32, 3), "alpha": 0.35}


def _load(**arguments):
    return zoo.load(NAME, pretrained=False, **{**SMALL, **arguments})


def test_a_plain_model_that_needs_no_package(tmp_path, generator):
    backbone = _load(trainable=True)
    inputs = keras.Input((48, 40, 3))
    model = keras.Model(inputs, backbone(backbone.preprocessing(inputs)))
    assert model.output_shape == (None, 1280)
    assert len(model.trainable_variables) > 100
    assert type(backbone).__module__.startswith("keras.")


def test_preprocessing_is_no_part_of_the_model(tmp_path):
    backbone = _load()
    assert isinstance(backbone.preprocessing, kt.layers.ImagePreprocessing)
    names = [layer.name for layer in backbone.layers]
    assert backbone.preprocessing.name not in names
    backbone.save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras")


def test_preprocessing_equals_that_of_keras(generator):
    pixels = generator.integers(0, 256, (2, 32, 32, 3)).astype("float32")
    expected = keras.applications.mobilenet_v2.preprocess_input(pixels.copy())
    found = _load().preprocessing(pixels)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_size_of_the_preprocessing_is_that_of_the_input():
    assert _load().preprocessing.size == (32, 32)
    free = _load(input_shape=(None, None, 3))
    assert free.preprocessing.size is None


def test_frozen_by_default():
    assert not _load().trainable_variables


def test_pretrained_weights_are_asked_of_keras(monkeypatch):
    asked = {}

    def network(**arguments):
        asked.update(arguments)
        return keras.Sequential([keras.Input((4, 4, 3))])

    monkeypatch.setattr(keras.applications, "MobileNetV2", network)
    zoo.load(NAME)
    assert asked == {
        "include_top": False,
        "weights": "imagenet",
        "pooling": "avg",
        "input_shape": (224, 224, 3),
    }


def test_offline_fails_before_the_network(no_network, tmp_path, monkeypatch):
    # Keras reads its home once, at import: an empty one stands in for it.
    monkeypatch.setattr(
        keras.utils, "get_file", lambda *a, **k: pytest.fail("not this one")
    )
    with pytest.raises(ValueError, match="zoo pull keras_applications/"):
        zoo.load("keras_applications/nasnet_mobile", offline=True)
    assert urllib.request._opener is None  # others may use the network


def test_offline_new_weights_are_no_download(no_network):
    assert _load(offline=True).built
