import keras
import numpy as np
import pytest

from keras_transfer import ops
from tests import helpers

pytestmark = pytest.mark.any_backend


def test_covariance_equals_numpy(generator):
    x, _ = helpers.two_domains(generator, 9)
    expected = np.cov(x.astype("float64"), rowvar=False)
    np.testing.assert_allclose(
        ops.covariance(x), expected, atol=helpers.TOLERANCE
    )


def test_covariance_equals_the_formula_of_the_paper(generator):
    """(X^T X - (1^T X)^T (1^T X) / n) / (n - 1), eq. 2 of Deep CORAL."""
    x = generator.normal(size=(11, 4))
    ones = np.ones((11, 1))
    sums = ones.T @ x
    expected = (x.T @ x - sums.T @ sums / 11) / 10
    value = ops.covariance(x.astype("float32"))
    np.testing.assert_allclose(value, expected, atol=helpers.TOLERANCE)


def test_covariance_ignores_the_mean_even_far_away(generator):
    x, _ = helpers.two_domains(generator, 16)
    moved = helpers.to_numpy(ops.covariance(x + 1000.0))
    np.testing.assert_allclose(moved, ops.covariance(x), atol=2e-3)


def test_covariance_does_not_depend_on_the_order_of_rows(generator):
    x, _ = helpers.two_domains(generator, 16)
    np.testing.assert_allclose(
        ops.covariance(x), ops.covariance(x[::-1].copy()), atol=1e-6
    )


def test_gradient_of_the_trace(generator):
    x, _ = helpers.two_domains(generator, 7)
    (found,) = helpers.gradients(
        lambda x: keras.ops.trace(ops.covariance(x)), x
    )
    centred = x - x.mean(axis=0)
    np.testing.assert_allclose(found, 2 * centred / 6, atol=1e-5)


def test_a_single_row_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows.*batch of 1"):
        ops.covariance(np.ones((1, 3), "float32"))


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2)])
def test_what_is_no_batch_of_vectors_is_refused(shape):
    with pytest.raises(ValueError, match=r"Expected shape \(rows, width\)"):
        ops.covariance(np.ones(shape, "float32"))
