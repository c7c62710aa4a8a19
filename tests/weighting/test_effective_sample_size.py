import numpy as np
import pytest

from keras_transfer import weighting


def test_from_one_to_the_number_of_rows():
    assert weighting.effective_sample_size(np.ones(7)) == pytest.approx(7)
    one = np.array([1.0, 0.0, 0.0])
    assert weighting.effective_sample_size(one) == pytest.approx(1)


def test_it_is_kishs(generator):
    weights = generator.exponential(size=50)
    expected = weights.sum() ** 2 / (weights**2).sum()
    for scale in (1.0, 1e-200, 1e200):
        found = weighting.effective_sample_size(scale * weights)
        assert found == pytest.approx(expected)


def test_it_is_the_variance_of_a_weighted_mean(generator):
    weights = generator.exponential(size=60)
    values = generator.normal(size=(20_000, 60))
    means = values @ weights / weights.sum()
    rows = weighting.effective_sample_size(weights)
    assert means.var() == pytest.approx(1 / rows, rel=0.05)


def test_weights_that_are_none_are_refused():
    with pytest.raises(ValueError, match="at least 0"):
        weighting.effective_sample_size([-1.0, 1.0])
