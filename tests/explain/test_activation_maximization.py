"""Images that a class' logit is highest for."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from tests.explain import small_models


def maximized(model, classes, **options):
    return explain.activation_maximization(model, classes, verbose=0, **options)


def of_channels(end=None):
    """A model that takes the mean of a channel for the logit of a class."""
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Rescaling(1 / 25.0),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation=end),
        ]
    )
    model.set_weights([np.eye(3), np.zeros(3)])
    return model


@pytest.mark.parametrize("end", [None, "softmax"])
def test_each_image_is_of_its_class(end):
    images = maximized(of_channels(end), [0, 1, 2], steps=25)
    assert images.shape == (3, 12, 12, 3) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 255
    means = images.mean(axis=(1, 2))
    bright = np.eye(3, dtype=bool)
    assert means[bright].min() > 230  # near the most that there is
    # What does not matter is darkened, from 128.
    assert means[~bright].max() < 125 < means[bright].min() - 100


def test_the_logit_is_above_that_of_noise():
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    images = maximized(model, [0, 1, 2], steps=25)
    outputs = np.diag(model.predict(images, verbose=0))
    noise = np.random.default_rng(1).uniform(0, 255, (200, 12, 12, 1))
    assert (outputs > model.predict(noise, verbose=0).max(axis=0)).all()


def test_the_seed_decides():
    model = small_models.convolutional()
    one, again, other = (
        maximized(model, 1, steps=5, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_weights_smooth_and_darken():
    model = small_models.convolutional()
    plain, smooth, dark = (
        maximized(model, 1, steps=20, total_variation=tv, norm=norm)
        for tv, norm in ((0.0, 0.0), (50.0, 0.0), (0.0, 50.0))
    )
    assert _variation(smooth) < 0.8 * _variation(plain)
    assert dark.mean() < 0.8 * plain.mean()


def _variation(images):
    return np.abs(np.diff(images, axis=1)).mean()


def test_range_and_size():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    with pytest.raises(ValueError, match="size"):
        maximized(model, 0, steps=2)
    images = maximized(model, 0, steps=5, size=(9, 7), value_range=(-1, 1))
    assert images.shape == (1, 9, 7, 3)
    assert images.min() >= -1 and images.max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 4}, "labels|classes"),
        ({"classes": 0, "steps": 0}, "steps"),
        ({"classes": 0, "value_range": (1, 0)}, "value_range"),
    ],
    ids=["class", "steps", "range"],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        maximized(small_models.convolutional(), **options)
