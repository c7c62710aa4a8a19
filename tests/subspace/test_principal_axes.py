import numpy as np
import pytest

from keras_transfer.subspace import principal_axes as principal_axes_module
from keras_transfer.subspace.principal_axes import leading_eigenvectors
from keras_transfer.subspace.principal_axes import principal_axes
from keras_transfer.subspace.principal_axes import with_fixed_signs

TALL_AND_WIDE = pytest.mark.parametrize(
    "shape", [(30, 6), (6, 30), (12, 12)], ids=["tall", "wide", "square"]
)


def test_leading_eigenvectors_are_the_largest_first(generator):
    half = generator.normal(size=(5, 5))
    matrix = half @ half.T
    values, vectors = leading_eigenvectors(matrix, 3)
    np.testing.assert_allclose(
        values, np.linalg.eigvalsh(matrix)[::-1][:3], rtol=1e-10
    )
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-10)


def symmetric(generator, eigenvalues):
    """A matrix with known eigenvalues, and its eigenvectors."""
    width = len(eigenvalues)
    vectors = np.linalg.qr(generator.normal(size=(width, width)))[0]
    return vectors * eigenvalues @ vectors.T, vectors


@pytest.mark.parametrize(
    ("eigenvalues", "is_quick"),
    [
        (np.linspace(1.0, 2.0, 300), True),
        (1e30 * np.linspace(1.0, 2.0, 300), True),
        (np.repeat([1.0, 2.0], [270, 30]), True),
        (10.0 ** np.linspace(-60.0, 0.0, 300), False),
        (np.repeat([1.0, 2.0], [300, 4]), False),
        (np.zeros(300), False),
    ],
    ids=["even", "huge", "two steps", "steep", "no gap", "zeros"],
)
def test_large_matrices_are_as_accurate_as_what_is_kept(
    generator, eigenvalues, is_quick
):
    matrix, vectors = symmetric(generator, eigenvalues)
    number = 20
    assert (principal_axes_module._quick(matrix, number) is not None) == (
        is_quick
    )
    values, found = leading_eigenvectors(matrix, number)
    np.testing.assert_allclose(values, eigenvalues[::-1][:number], rtol=1e-9)
    np.testing.assert_allclose(found.T @ found, np.eye(number), atol=1e-12)
    scale = max(eigenvalues[-1], 1.0)
    np.testing.assert_allclose(
        matrix @ found / scale, found * values / scale, atol=2e-6
    )
    if eigenvalues[0] < eigenvalues[-number]:
        wanted = vectors[:, eigenvalues > eigenvalues[-number] * (1 - 1e-9)]
        outside = found - wanted @ (wanted.T @ found)
        assert np.linalg.norm(outside, 2) < 1e-5


def test_signs_are_fixed():
    vectors = np.array([[0.1, -0.9], [-0.8, 0.2]])
    fixed = with_fixed_signs(vectors)
    np.testing.assert_array_equal(fixed, [[-0.1, 0.9], [0.8, -0.2]])
    np.testing.assert_array_equal(with_fixed_signs(-vectors), fixed)


@TALL_AND_WIDE
def test_axes_are_those_of_the_singular_value_decomposition(generator, shape):
    rows = generator.normal(size=shape) + 7.0
    mean, variances, axes = principal_axes(rows, 4)
    _, lengths, right = np.linalg.svd(rows - rows.mean(0))
    np.testing.assert_allclose(mean, rows.mean(0))
    np.testing.assert_allclose(
        variances, lengths[:4] ** 2 / (len(rows) - 1), rtol=1e-9
    )
    expected = right[:4].T
    np.testing.assert_allclose(np.abs(axes.T @ expected), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-12)


@TALL_AND_WIDE
def test_the_order_of_rows_changes_nothing(generator, shape):
    rows = generator.normal(size=shape)
    first = principal_axes(rows, 3)[2]
    again = principal_axes(generator.permutation(rows), 3)[2]
    np.testing.assert_allclose(first, again, atol=1e-9)


@TALL_AND_WIDE
def test_axes_stay_orthonormal_for_tiny_variances(generator, shape):
    rows = generator.normal(size=shape)
    rows[:, 1:] *= 1e-6
    axes = principal_axes(rows, 4)[2]
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "most"), [((5, 9), 4), ((9, 5), 5)], ids=["wide", "tall"]
)
def test_more_axes_than_there_are_is_refused(generator, shape, most):
    rows = generator.normal(size=shape)
    assert principal_axes(rows, most)[2].shape[1] == most
    with pytest.raises(
        ValueError, match=f"`dimensions`.*at most {most}, .*the source"
    ):
        principal_axes(rows, most + 1, "source")


@pytest.mark.parametrize("shape", [(20, 6), (6, 20)], ids=["tall", "wide"])
def test_constant_columns_and_equal_rows_are_no_directions(generator, shape):
    rows = generator.normal(size=(shape[0], 2)) @ generator.normal(
        size=(2, shape[1])
    )
    assert principal_axes(rows + 3.0, 2)[2].shape[1] == 2
    with pytest.raises(ValueError, match="at most 2"):
        principal_axes(rows + 3.0, 3)


def test_rows_that_do_not_vary_are_refused():
    with pytest.raises(ValueError, match="at most 0"):
        principal_axes(np.ones((4, 3)), 1)
