import numpy as np
import pytest

from keras_transfer.transferability import importance


def test_the_weighted_mean_is_the_mean_for_equal_weights(generator):
    values = generator.normal(size=200)
    mean, (low, high) = importance.weighted_mean(values, np.full(200, 3.0))
    assert mean == pytest.approx(values.mean())
    error = values.std() / np.sqrt(200)
    assert (high - low) / 2 == pytest.approx(1.96 * error)


def test_the_interval_of_the_weighted_mean_covers():
    covered = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        values, weights = generator.normal(size=(2, 100))
        weights = np.exp(0.7 * weights)
        low, high = importance.weighted_mean(values + 2.0, weights)[1]
        covered += low <= 2.0 <= high
    assert 268 <= covered <= 299  # 285 expected
