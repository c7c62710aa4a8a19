import keras
import numpy as np
import pytest

from keras_transfer import ops
from tests import helpers

pytestmark = pytest.mark.any_backend

WIDTHS = [0.3, 1.0, 4.0]


def numpy_kernel(squared_distances, widths):
    squared_distances = np.asarray(squared_distances, "float64")
    values = [np.exp(-squared_distances / (2 * w**2)) for w in widths]
    return np.mean(values, axis=0)


def test_equals_numpy(generator):
    squared = generator.uniform(0, 9, size=(6, 5)).astype("float32")
    np.testing.assert_allclose(
        ops.gaussian_mixture(squared, WIDTHS),
        numpy_kernel(squared, WIDTHS),
        rtol=helpers.TOLERANCE,
    )


def test_one_at_distance_zero_and_falling(generator):
    squared = np.linspace(0, 20, 9, dtype="float32")
    values = helpers.to_numpy(ops.gaussian_mixture(squared, WIDTHS))
    assert values[0] == 1.0
    assert (np.diff(values) < 0).all()


def test_order_of_bandwidths_does_not_matter(generator):
    squared = generator.uniform(0, 9, size=(6,)).astype("float32")
    np.testing.assert_allclose(
        ops.gaussian_mixture(squared, WIDTHS),
        ops.gaussian_mixture(squared, WIDTHS[::-1]),
        rtol=1e-6,
    )


def test_gradient_is_negative_and_equals_differences(generator):
    squared = generator.uniform(0.5, 5, size=(4,))
    (found,) = helpers.gradients(
        lambda x: keras.ops.sum(ops.gaussian_mixture(x, WIDTHS)),
        squared.astype("float32"),
    )
    expected = helpers.numeric_gradient(
        lambda x: numpy_kernel(x, WIDTHS).sum(), squared
    )
    assert (found < 0).all()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
