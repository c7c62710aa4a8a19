import keras
import numpy as np
import pytest

from keras_transfer import ops
from tests import helpers

pytestmark = pytest.mark.any_backend


def numpy_distances(x, y):
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    return ((x[:, None] - y[None]) ** 2).sum(axis=-1)


def test_pairwise_squared_distances_equal_numpy(generator):
    x, y = helpers.two_domains(generator, 7, 4)
    value = ops.pairwise_squared_distances(x, y)
    np.testing.assert_allclose(
        value, numpy_distances(x, y), atol=helpers.TOLERANCE
    )


def test_pairwise_squared_distances_are_symmetric(generator):
    x, y = helpers.two_domains(generator, 7, 4)
    forward = helpers.to_numpy(ops.pairwise_squared_distances(x, y))
    backward = helpers.to_numpy(ops.pairwise_squared_distances(y, x))
    np.testing.assert_allclose(forward, backward.T, atol=1e-5)


def test_pairwise_squared_distances_keep_their_digits_far_from_zero(generator):
    x, y = helpers.two_domains(generator, 6, 6)
    moved = ops.pairwise_squared_distances(x + 1000.0, y + 1000.0)
    np.testing.assert_allclose(moved, numpy_distances(x, y), rtol=2e-3)


def test_pairwise_squared_distances_are_never_negative(generator):
    x = generator.normal(size=(40, 300)).astype("float32") * 100
    distances = helpers.to_numpy(ops.pairwise_squared_distances(x, x))
    assert distances.min() >= 0


def test_gradient_of_distances(generator):
    x, y = helpers.two_domains(generator, 5, 3)
    found = helpers.gradients(
        lambda a, b: keras.ops.sum(ops.pairwise_squared_distances(a, b)), x, y
    )
    difference = x[:, None].astype("float64") - y[None]
    np.testing.assert_allclose(found[0], 2 * difference.sum(1), atol=1e-4)
    np.testing.assert_allclose(found[1], -2 * difference.sum(0), atol=1e-4)


@pytest.mark.parametrize("rows", [2, 3, 4, 5, 6, 7])
def test_median_equals_numpy_for_odd_and_even_numbers_of_pairs(rows, generator):
    x = generator.normal(size=(rows, 3))
    squared = numpy_distances(x, x)
    off_diagonal = np.sqrt(squared[~np.eye(rows, dtype=bool)])
    value = ops.median_pairwise_distance(squared.astype("float32"))
    np.testing.assert_allclose(value, np.median(off_diagonal), rtol=1e-5)


def test_median_does_not_depend_on_the_order_of_rows(generator):
    x = generator.normal(size=(6, 3))
    values = [
        float(ops.median_pairwise_distance(numpy_distances(rows, rows)))
        for rows in (x, x[::-1])
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_median_has_no_gradient(generator):
    x, _ = helpers.two_domains(generator, 6)

    def median(rows):
        distances = ops.pairwise_squared_distances(rows, rows)
        return ops.median_pairwise_distance(distances)

    (found,) = helpers.gradients(median, x)
    np.testing.assert_array_equal(found, 0)


def test_median_of_equal_rows_is_zero():
    assert float(ops.median_pairwise_distance(np.zeros((4, 4)))) == 0.0
