import numpy as np
import pytest
import scipy.spatial.distance

from keras_transfer.subspace.kernel_features import gaussian_features
from keras_transfer.subspace.kernel_features import linear_features
from keras_transfer.subspace.kernel_features import primal_features

TALL_AND_WIDE = pytest.mark.parametrize(
    "shape", [(12, 4), (4, 12)], ids=["tall", "wide"]
)


@TALL_AND_WIDE
def test_primal_features_keep_all_similarities(generator, shape):
    rows = generator.normal(size=shape)
    features, to_features = primal_features(rows)
    assert features.shape == (shape[0], 4)
    np.testing.assert_allclose(features, rows @ to_features, atol=1e-12)
    np.testing.assert_allclose(features @ features.T, rows @ rows.T, atol=1e-10)
    np.testing.assert_allclose(
        to_features.T @ to_features, np.eye(4), atol=1e-10
    )


@TALL_AND_WIDE
def test_linear_features_have_the_square_of_the_kernel(generator, shape):
    rows = generator.normal(size=shape)
    features, to_features = linear_features(rows)
    assert features.shape == (shape[0], 4)
    kernel = rows @ rows.T
    np.testing.assert_allclose(features, rows @ to_features, atol=1e-10)
    np.testing.assert_allclose(
        features @ features.T, kernel @ kernel, atol=1e-9
    )


@pytest.mark.parametrize("features_of", [primal_features, linear_features])
def test_rank_deficient_wide_rows(generator, features_of):
    rows = generator.normal(size=(6, 2)) @ generator.normal(size=(2, 9))
    features, _ = features_of(rows)
    assert features.shape == (6, 2)
    assert np.isfinite(features).all()


def test_constant_columns_leave_no_feature(generator):
    rows = generator.normal(size=(9, 4))
    rows[:, 2] = 0.0
    assert linear_features(rows)[0].shape == (9, 3)


def test_rows_of_zeros_are_refused():
    with pytest.raises(ValueError, match="All features .* are zero"):
        linear_features(np.zeros((4, 2)))


@pytest.mark.parametrize("bandwidth", [0.7, None])
def test_gaussian_features_are_the_kernel(generator, bandwidth):
    rows = generator.normal(size=(7, 3)) + 100.0
    found, used = gaussian_features(rows, bandwidth)
    distances = scipy.spatial.distance.pdist(rows)
    expected = bandwidth or np.median(distances)
    assert used == pytest.approx(expected)
    squared = scipy.spatial.distance.squareform(distances) ** 2
    np.testing.assert_allclose(
        found, np.exp(-squared / (2 * expected**2)), atol=1e-10
    )


def test_equal_rows_have_no_median_distance():
    rows = np.ones((6, 3)) * np.pi
    rows[0] = 2.0
    with pytest.raises(ValueError, match="`bandwidth`.*most rows are equal"):
        gaussian_features(rows)
    assert gaussian_features(rows, 1.0)[0].shape == (6, 6)
