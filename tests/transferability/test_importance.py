import numpy as np
import pytest

from keras_transfer.transferability import importance


def test_weights_are_the_density_ratio():
    """Of two Gaussians: exp(x - 1/2), which a logistic regression can say."""
    generator = np.random.default_rng(0)
    source = generator.normal(size=(3000, 1))
    target = generator.normal(size=(2000, 1)) + 1.0
    found = importance.discriminative_weights(source, target)
    truth = np.exp(source[:, 0] - 0.5)
    assert found.mean() == pytest.approx(1.0)
    inner = np.abs(source[:, 0]) < 2
    ratio = found[inner] / truth[inner]
    assert ratio.min() > 0.75 and ratio.max() < 1.35


def test_weights_move_means_to_the_target():
    generator = np.random.default_rng(1)
    source = generator.normal(size=(2000, 2))
    target = generator.normal(size=(1000, 2)) + [0.8, 0.0]
    weights = importance.discriminative_weights(source, target)
    moved = (weights[:, None] * source).mean(axis=0)
    np.testing.assert_allclose(moved, [0.8, 0.0], atol=0.12)


def test_equal_domains_have_equal_weights(generator):
    source = generator.normal(size=(500, 2))
    target = generator.normal(size=(500, 2))
    weights = importance.discriminative_weights(source, target)
    assert importance.effective_sample_size(weights) > 450


def test_far_domains_have_finite_weights(generator):
    source = generator.normal(size=(50, 2))
    weights = importance.discriminative_weights(source, source + 100)
    assert np.isfinite(weights).all()
    assert weights.mean() == pytest.approx(1.0)


def test_effective_sample_size():
    assert importance.effective_sample_size(np.ones(7)) == pytest.approx(7)
    one = np.array([1.0, 0.0, 0.0])
    assert importance.effective_sample_size(one) == pytest.approx(1)


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
