"""Saliency, beside a NumPy twin."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from tests.explain import small_models


def linear(channels=3, classes=4):
    return keras.Sequential(
        [
            keras.Input((5, 5, channels)),
            keras.layers.Flatten(),
            keras.layers.Dense(classes),
        ]
    )


def test_it_is_the_formula():
    model = linear()
    labels = np.array([3, 1])
    images = np.random.default_rng(0).normal(size=(2, 5, 5, 3))
    slopes = model.get_weights()[0].T[labels].reshape(2, 5, 5, 3)
    expected = np.abs(slopes).max(axis=-1)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    maps = explain.saliency(model, images, labels)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_it_is_the_numeric_gradient():
    model = small_models.convolutional()
    image = small_models.images(1).astype("float64")
    slopes = small_models.Twin(model).slopes(image[0], 2)
    expected = np.abs(slopes) / np.abs(slopes).max()
    found = explain.saliency(model, image, 2)[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_small_gradients_live_in_float16():
    model = linear()
    weights = [weight * 1e-6 for weight in model.get_weights()]
    model.set_weights(weights)
    images = np.ones((1, 5, 5, 3))
    expected = explain.saliency(model, images, 1)
    keras.config.set_dtype_policy("mixed_float16")
    mixed = keras.Sequential(
        [
            keras.Input((5, 5, 3)),
            keras.layers.Rescaling(1e-3),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )
    mixed.set_weights([weights[0] * 1e3, weights[1]])
    found = explain.saliency(mixed, images, 1)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_one_output_column():
    model = linear(classes=1)
    images = np.ones((2, 5, 5, 3))
    one, other = (explain.saliency(model, images, label) for label in (0, 1))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(explain.saliency(model, images), other)


def test_an_integer_input_has_no_gradient():
    inputs = keras.Input((5, 5, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255.0)(inputs)
    x = keras.layers.Flatten()(keras.layers.Conv2D(3, 3)(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    images = np.random.default_rng(0).integers(0, 255, (2, 5, 5, 1))
    with pytest.raises(ValueError, match="declares its input as uint8"):
        explain.saliency(model, images)
    assert explain.grad_cam(model, images, 0).shape == (2, 5, 5)
