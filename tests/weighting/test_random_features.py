import numpy as np

from keras_transfer.weighting import random_features
from keras_transfer.weighting.gaussian_kernel import gaussian_kernel


def test_products_are_the_kernel_on_average(generator):
    rows = generator.normal(size=(20, 3))
    features = random_features.RandomFeatures(3, 1.5, 20_000, seed=0)(rows)
    kernel = gaussian_kernel(rows, rows, 1.5)
    np.testing.assert_allclose(features @ features.T, kernel, atol=0.05)
    np.testing.assert_allclose((features**2).sum(axis=1), 1.0)


def test_the_mean_is_the_same_in_blocks(generator, monkeypatch):
    rows = generator.normal(size=(11, 2))
    features = random_features.RandomFeatures(2, 1.0, 6, seed=0)
    expected = features(rows).mean(axis=0)
    monkeypatch.setattr(random_features, "_BLOCK", 12)
    np.testing.assert_allclose(features.mean(rows), expected)


def test_more_features_are_nearer(generator):
    rows = generator.normal(size=(50, 2))
    kernel = gaussian_kernel(rows, rows, 1.0)

    def error(count):
        features = random_features.RandomFeatures(2, 1.0, count, 0)(rows)
        return np.abs(features @ features.T - kernel).mean()

    assert error(4000) < 0.4 * error(100)
