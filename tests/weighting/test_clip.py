import numpy as np
import pytest

from keras_transfer import weighting
from tests.weighting import problems


def _weights(generator):
    return generator.exponential(size=200) ** 2


def test_nothing_is_changed_but_the_mean(generator):
    weights = _weights(generator)
    found = weighting.clip(weights)
    np.testing.assert_allclose(found, weights / weights.mean(), rtol=1e-6)


def test_the_largest_weights_are_cut(generator):
    weights = _weights(generator)
    unit = weights / weights.mean()
    found = weighting.clip(weights, largest=2.0)
    expected = np.minimum(unit, 2.0)
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-6)
    found = weighting.clip(weights, quantile=0.9)
    expected = np.minimum(unit, np.quantile(unit, 0.9))
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-6)


@pytest.mark.parametrize(
    "setting", [{"largest": 2.0}, {"quantile": 0.8}, {"exponent": 0.5}]
)
def test_more_rows_are_effective(generator, setting):
    weights = _weights(generator)
    found = weighting.clip(weights, **setting)
    problems.assert_are_weights(found, 200)
    before = weighting.effective_sample_size(weights)
    assert weighting.effective_sample_size(found) > 1.1 * before
    # The order stays.
    assert (np.diff(found[np.argsort(weights)]) >= 0).all()


def test_exponents_flatten(generator):
    weights = _weights(generator)
    np.testing.assert_allclose(weighting.clip(weights, exponent=0), 1.0)
    roots = np.sqrt(weights)
    found = weighting.clip(1e9 * weights, exponent=0.5)
    np.testing.assert_allclose(found, roots / roots.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    "name, value",
    [
        ("quantile", 0.0),
        ("quantile", 1.1),
        ("largest", 0.5),
        ("largest", np.nan),
        ("exponent", 2.0),
    ],
)
def test_wrong_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}`"):
        weighting.clip([1.0, 2.0], **{name: value})


def test_a_quantile_of_zero_weights_is_refused():
    with pytest.raises(ValueError, match="a weight of zero"):
        weighting.clip([0.0, 0.0, 0.0, 1.0], quantile=0.5)
