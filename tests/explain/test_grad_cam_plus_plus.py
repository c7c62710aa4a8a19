"""Grad-CAM++, beside a NumPy twin."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from tests.explain import small_models

LABELS = np.array([2, 0, 3])


def twin(model, images, labels):
    """Equations 10, 11 and 19, alphas divided by their sum."""
    inside = small_models.Twin(model)
    maps = inside.maps(images)
    slopes = inside.gradients(images, labels)
    sums = maps.sum(axis=(1, 2), keepdims=True)
    denominators = 2 * slopes**2 + sums * slopes**3
    alphas = slopes**2 / np.where(slopes == 0, 1.0, denominators)
    totals = alphas.sum(axis=(1, 2), keepdims=True)
    alphas = alphas / np.where(totals == 0, 1.0, totals)
    weights = (alphas * np.maximum(slopes, 0)).sum(axis=(1, 2))
    summed = np.einsum("rhwk,rk->rhw", maps, weights)
    return small_models.enlarged(np.maximum(summed, 0))


def test_it_is_the_formula():
    model, images = small_models.convolutional(), small_models.images()
    maps = explain.grad_cam_plus_plus(model, images, LABELS)
    assert maps.shape == (3, 12, 12) and maps.dtype == np.float32
    np.testing.assert_allclose(maps, twin(model, images, LABELS), atol=1e-3)


@pytest.mark.parametrize("bias", [0.0, 500.0])
def test_large_logits_do_not_overflow(bias):
    model, images = small_models.convolutional(), small_models.images()
    expected = explain.grad_cam_plus_plus(model, images, LABELS)
    weights = model.get_weights()
    weights[-1] = weights[-1] + bias
    model.set_weights(weights)
    np.testing.assert_allclose(
        explain.grad_cam_plus_plus(model, images, LABELS), expected, atol=1e-6
    )


def test_a_denominator_of_zero_is_left_out():
    model = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Conv2D(2, 1, use_bias=False),
            keras.layers.Flatten(),
            keras.layers.Dense(2, use_bias=False),
        ]
    )
    # The first map sums to 4 and has slopes -1/2: 2 + 4 * (-1/2) = 0.
    slopes = np.tile([[-0.5, 0.0], [0.25, 0.0]], (4, 1))
    model.set_weights([np.ones((1, 1, 1, 2)), slopes])
    images = np.ones((1, 2, 2, 1), "float32")
    maps = explain.grad_cam_plus_plus(model, images, 0)
    np.testing.assert_allclose(maps, np.ones((1, 2, 2)), atol=1e-6)


def test_two_things_of_a_class_are_seen_alike():
    """Grad-CAM and Grad-CAM++ agree where gradients are the same all over."""
    model, images = small_models.convolutional(), small_models.images()
    weights = model.get_weights()
    one = np.abs(weights[-2]).reshape(64, 6, 4).mean(axis=0)
    weights[-2] = np.tile(one, (64, 1))
    model.set_weights(weights)
    np.testing.assert_allclose(
        explain.grad_cam_plus_plus(model, images, 1),
        explain.grad_cam(model, images, 1),
        atol=1e-4,
    )
