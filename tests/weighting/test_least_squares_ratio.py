import numpy as np
import pytest

from keras_transfer.weighting import least_squares_ratio
from keras_transfer.weighting.least_squares_ratio import Basis
from tests.weighting import problems

MIXTURES = pytest.mark.parametrize("mixture", [0.0, 0.3])


def _fitted(source, target, ridge, mixture):
    """The papers' solution, with a loop over rows."""
    matrix = np.zeros((source.shape[1],) * 2)
    for row in source:
        matrix += (1 - mixture) / len(source) * np.outer(row, row)
    for row in target:
        matrix += mixture / len(target) * np.outer(row, row)
    means = sum(target) / len(target)
    found = np.linalg.inv(matrix + ridge * np.eye(len(matrix))) @ means
    return np.maximum(found, 0.0)


def _basis(generator, rows=12, target_rows=9):
    source = generator.normal(size=(rows, 2))
    target = generator.normal(size=(target_rows, 2)) + 0.5
    return Basis.of(source, target, target[:5], 1.0)


@MIXTURES
def test_coefficients_are_the_papers(generator, mixture):
    basis = _basis(generator)
    found = least_squares_ratio.coefficients(basis, 0.05, mixture)
    expected = _fitted(basis.source, basis.target, 0.05, mixture)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)
    assert found.any()


@MIXTURES
@pytest.mark.parametrize("rows", [(12, 9), (7, 10)])
def test_losses_are_those_of_fits_without_the_pair(generator, mixture, rows):
    basis = _basis(generator, *rows)
    found = least_squares_ratio.left_out_losses(basis, 0.05, mixture)
    assert len(found) == min(rows)
    for i, loss in enumerate(found):
        fitted = _fitted(
            np.delete(basis.source, i, axis=0),
            np.delete(basis.target, i, axis=0),
            0.05,
            mixture,
        )
        on_source = basis.source[i] @ fitted
        on_target = basis.target[i] @ fitted
        expected = (1 - mixture) / 2 * on_source**2
        expected += mixture / 2 * on_target**2 - on_target
        assert loss == pytest.approx(expected, rel=1e-8)


def test_a_sensible_setting_is_chosen():
    source, target, _ = problems.gaussian_shift()
    width, ridge = least_squares_ratio.best_setting(
        source, target, target[:100], [1e-3, 0.5, 100.0], [1e-2, 1e2], 0.0
    )
    assert (width, ridge) == (0.5, 1e-2)


def test_a_single_setting_needs_no_search():
    rows = np.zeros((2, 1))
    found = least_squares_ratio.best_setting(rows, rows, rows, [3.0], [4.0], 0)
    assert found == (3.0, 4.0)
