import numpy as np
import pytest

from keras_transfer import weighting
from tests.weighting import problems


def test_it_is_rulsif_without_a_mixture():
    source, target, _ = problems.gaussian_shift(rows=200)
    found = weighting.ulsif(source, target, num_centers=30, seed=2)
    expected = weighting.rulsif(
        source, target, mixture=0.0, num_centers=30, seed=2
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(3))
def test_the_ratio_is_found_in_other_samples_too(seed):
    source, target, ratio = problems.gaussian_shift(seed)
    weights = weighting.ulsif(source, target)
    assert problems.correlation(weights, ratio) > 0.93


def test_wrong_settings_are_refused():
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match="`width`"):
        weighting.ulsif(rows, rows, width=[])
