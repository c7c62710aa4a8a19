import numpy as np
import pytest

from keras_transfer.weighting.gaussian_kernel import gaussian_kernel
from keras_transfer.weighting.low_rank_kernel import low_rank_kernel


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6, 1e-10])
def test_the_factor_is_as_near_as_asked(generator, tolerance):
    rows = generator.normal(size=(300, 2))
    factor = low_rank_kernel(rows, 1.0, tolerance, 300)
    left = gaussian_kernel(rows, rows, 1.0) - factor @ factor.T
    assert left.trace() <= 300 * tolerance * 1.01
    # No weights gain by the difference.
    assert np.linalg.eigvalsh(left).min() > -1e-9
    assert factor.shape[1] < 150


def test_repeated_rows_cost_no_columns(generator):
    rows = np.repeat(generator.normal(size=(10, 3)), 20, axis=0)
    factor = low_rank_kernel(rows, 0.1, 1e-12, 200)
    assert factor.shape[1] == 10
    np.testing.assert_allclose(
        factor @ factor.T, gaussian_kernel(rows, rows, 0.1), atol=1e-12
    )


def test_nothing_comes_back_where_the_rank_is_too_large(generator):
    rows = generator.normal(size=(200, 20))
    assert low_rank_kernel(rows, 1.0, 1e-6, 100) is None


def test_the_seed_decides(generator):
    rows = generator.normal(size=(100, 2))
    first, again = (low_rank_kernel(rows, 1.0, 1e-6, 100, 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
