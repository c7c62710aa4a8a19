"""SmoothGrad, beside its formula."""

import numpy as np
import pytest

from keras_transfer import explain
from tests.explain import small_models
from tests.explain.test_saliency import linear


def test_it_is_the_mean_of_gradients_at_noisy_images():
    model = small_models.convolutional()
    image = small_models.images(1).astype("float64")
    inside = small_models.Twin(model)
    rng = np.random.default_rng(7).spawn(1)[0]
    deviation = 0.1 * (image.max() - image.min())
    total = np.zeros((12, 12))
    for _ in range(3):
        noisy = image + rng.normal(0.0, deviation, (12, 12, 1))
        total += inside.slopes(noisy[0], 1)
    expected = np.abs(total) / np.abs(total).max()
    found = explain.smooth_grad(model, image, 1, samples=3, noise=0.1, seed=7)
    np.testing.assert_allclose(found[0], expected, atol=2e-3)


def test_without_noise_it_is_saliency():
    model, images = small_models.convolutional(), small_models.images()
    np.testing.assert_allclose(
        explain.smooth_grad(model, images, 1, samples=2, noise=0.0),
        explain.saliency(model, images, 1),
        atol=1e-6,
    )


def test_a_linear_model_has_one_gradient_everywhere():
    model = linear()
    images = np.random.default_rng(0).normal(size=(3, 5, 5, 3))
    np.testing.assert_allclose(
        explain.smooth_grad(model, images, 1, samples=3),
        explain.saliency(model, images, 1),
        atol=1e-5,
    )


def test_noise_depends_on_the_seed_and_not_on_batches():
    model, images = small_models.convolutional(), small_models.images(3)
    found = [
        explain.smooth_grad(
            model, images, 1, samples=2, seed=seed, batch_size=size
        )
        for seed, size in ((0, 32), (0, 2), (1, 32))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 0.01


@pytest.mark.parametrize(
    "argument", [{"samples": 0}, {"noise": -0.1}, {"samples": 1.5}]
)
def test_arguments_out_of_range(argument):
    (name,) = argument
    with pytest.raises(ValueError, match=name):
        explain.smooth_grad(
            small_models.convolutional(), small_models.images(), **argument
        )
