"""The smallest singular values: formula, invariance, and gradient."""

import keras
import numpy as np
import pytest

from keras_transfer.losses.batch_spectral_shrinkage import (
    batch_spectral_shrinkage,
)
from tests import helpers

pytestmark = pytest.mark.any_backend


def numpy_shrinkage(features, k):
    values = np.linalg.svd(features.astype("float64"), compute_uv=False)
    return (values[-k:] ** 2).sum()


EACH_SHAPE = pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5)])


@EACH_SHAPE
@pytest.mark.parametrize("k", [1, 3])
def test_value_equals_numpy(generator, shape, k):
    features = generator.normal(size=shape).astype("float32")
    value = float(batch_spectral_shrinkage(features, k))
    np.testing.assert_allclose(value, numpy_shrinkage(features, k), rtol=1e-3)


@EACH_SHAPE
def test_all_values_are_the_squared_norm(generator, shape):
    features = generator.normal(size=shape).astype("float32")
    value = float(batch_spectral_shrinkage(features, k=min(shape)))
    np.testing.assert_allclose(value, (features**2).sum(), rtol=1e-4)


@EACH_SHAPE
def test_rotations_and_the_order_of_rows_do_not_matter(generator, shape):
    features = generator.normal(size=shape).astype("float32")
    rotation = np.linalg.qr(generator.normal(size=(shape[1],) * 2))[0]
    turned = (features[::-1] @ rotation).astype("float32")
    np.testing.assert_allclose(
        float(batch_spectral_shrinkage(turned, 2)),
        float(batch_spectral_shrinkage(features, 2)),
        rtol=1e-3,
    )


@EACH_SHAPE
def test_gradient_is_that_of_the_values(generator, shape):
    features = generator.normal(size=shape)
    (found,) = helpers.gradients(
        lambda x: batch_spectral_shrinkage(x, 2), features.astype("float32")
    )
    expected = helpers.numeric_gradient(
        lambda x: numpy_shrinkage(x, 2), features
    )
    np.testing.assert_allclose(found, expected, atol=1e-3)
    smaller = features - 0.01 * found
    assert numpy_shrinkage(smaller, 2) < numpy_shrinkage(features, 2)


def test_gradient_is_finite_for_equal_values():
    (gradient,) = helpers.gradients(
        lambda x: batch_spectral_shrinkage(x, 2), np.eye(3, dtype="float32")
    )
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(np.trace(gradient), 4.0, atol=1e-4)


def test_size_of_the_batch_may_be_unknown(generator):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("other backends know all sizes")

    run = tf.function(
        lambda x: batch_spectral_shrinkage(x, 2),
        input_signature=[tf.TensorSpec([None, 4], "float32")],
    )
    for rows in (2, 4, 9):
        features = generator.normal(size=(rows, 4)).astype("float32")
        np.testing.assert_allclose(
            float(run(features)), numpy_shrinkage(features, 2), rtol=1e-3
        )


def test_half_precision_is_left():
    features = keras.ops.cast(np.eye(3) * 300.0, "float16")
    value = batch_spectral_shrinkage(features)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(float(value), 9e4, rtol=1e-5)


@pytest.mark.parametrize("k", [0, 4, 1.0])
def test_wrong_counts_are_refused(k):
    with pytest.raises(ValueError, match="`k`"):
        batch_spectral_shrinkage(np.ones((3, 5)), k)


def test_feature_maps_are_refused():
    with pytest.raises(ValueError, match="`features`"):
        batch_spectral_shrinkage(np.ones((3, 5, 2)))
