import numpy as np
import pytest
import scipy.linalg

from keras_transfer.subspace.transfer_components import transfer_components


def _problem(generator, width=6, pairs=2):
    half = generator.normal(size=(width, width))
    return half @ half.T, generator.normal(size=(width, pairs))


@pytest.mark.parametrize("pairs", [1, 3, 9])
@pytest.mark.parametrize("regularization", [1e-3, 1.0])
def test_twin(generator, pairs, regularization):
    scatter, differences = _problem(generator, pairs=pairs)
    right = differences @ differences.T + regularization * np.eye(6)
    columns, values = transfer_components(
        scatter, differences, regularization, 4
    )
    expected, vectors = scipy.linalg.eigh(scatter, right)
    np.testing.assert_allclose(values, expected[::-1][:4], rtol=1e-9)
    np.testing.assert_allclose(
        np.abs(columns), np.abs(vectors[:, ::-1][:, :4]), atol=1e-7
    )
    np.testing.assert_allclose(
        columns.T @ right @ columns, np.eye(4), atol=1e-9
    )
    np.testing.assert_allclose(
        columns.T @ scatter @ columns, np.diag(values), atol=1e-7
    )


def test_more_weight_on_differences_makes_them_smaller(generator):
    scatter, differences = _problem(generator)
    sizes = []
    for weight in (0.0, 1.0, 100.0):
        columns, _ = transfer_components(scatter, weight * differences, 1.0, 3)
        sizes.append(np.linalg.norm(columns.T @ differences))
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize("number", [3, 7])
def test_more_than_the_directions_is_refused(generator, number):
    half = generator.normal(size=(6, 2))
    differences = generator.normal(size=(6, 1))
    columns, _ = transfer_components(half @ half.T, differences, 1.0, 2)
    assert columns.shape == (6, 2)
    with pytest.raises(ValueError, match="`dimensions`.*at most [26]"):
        transfer_components(half @ half.T, differences, 1.0, number)
