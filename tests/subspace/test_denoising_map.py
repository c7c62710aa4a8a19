import itertools

import numpy as np
import pytest
import scipy.sparse

from keras_transfer.subspace.denoising_map import denoising_map


def _rows(generator, number=20, width=4):
    rows = generator.uniform(size=(number, width))
    return rows * (generator.uniform(size=(number, width)) < 0.6)


def _over_all_corruptions(rows, corruption, ridge):
    """Weighted least squares on every corrupted copy that there can be."""
    width = rows.shape[1]
    products = np.zeros((width + 1, width + 1))
    crossed = np.zeros((width + 1, width))
    for kept in itertools.product([0, 1], repeat=width):
        lost = width - sum(kept)
        share = corruption**lost * (1 - corruption) ** sum(kept)
        copy = np.column_stack([rows * kept, np.ones(len(rows))])
        products += share * copy.T @ copy
        crossed += share * copy.T @ rows
    solution = np.linalg.solve(products + ridge * np.eye(width + 1), crossed)
    return solution[:-1], solution[-1]


@pytest.mark.parametrize("corruption", [0.2, 0.5, 0.9])
def test_it_is_the_mean_over_all_corruptions(generator, corruption):
    rows = _rows(generator)
    found = denoising_map(rows, corruption, 1e-3)
    expected = _over_all_corruptions(rows, corruption, 1e-3)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_it_is_the_algorithm_of_the_paper(generator):
    """Written as the paper lists it, columns for examples."""
    rows = _rows(generator)
    x = np.vstack([rows.T, np.ones((1, len(rows)))])
    width = len(x)
    q = np.full((width, 1), 0.5)
    q[-1] = 1
    scatter = x @ x.T
    corrupted = scatter * (q @ q.T)
    corrupted[np.diag_indices(width)] = q[:, 0] * np.diag(scatter)
    crossed = scatter * q.T
    w = crossed[:-1] @ np.linalg.inv(corrupted + 1e-5 * np.eye(width))
    kernel, bias = denoising_map(rows, 0.5, 1e-5)
    np.testing.assert_allclose(kernel, w[:, :-1].T, atol=1e-9)
    np.testing.assert_allclose(bias, w[:, -1], atol=1e-9)


def test_random_corruptions_come_near(generator):
    rows = _rows(generator, 50)
    copies = np.tile(rows, (4000, 1))
    noisy = copies * (generator.uniform(size=copies.shape) < 0.5)
    noisy = np.column_stack([noisy, np.ones(len(noisy))])
    expected, *_ = np.linalg.lstsq(noisy, copies, rcond=None)
    kernel, bias = denoising_map(rows, 0.5, 1e-6)
    np.testing.assert_allclose(kernel, expected[:-1], atol=0.01)
    np.testing.assert_allclose(bias, expected[-1], atol=0.01)


def test_without_corruption_rows_come_back(generator):
    rows = _rows(generator)
    kernel, bias = denoising_map(rows, 1e-7, 1e-9)
    np.testing.assert_allclose(rows @ kernel + bias, rows, atol=1e-5)


def test_the_bias_is_never_corrupted(generator):
    """Constant columns are known even if all else is lost."""
    rows = np.column_stack([_rows(generator), np.full(20, 3.0)])
    kernel, bias = denoising_map(rows, 0.99, 1e-9)
    np.testing.assert_allclose(rows @ kernel[:, -1] + bias[-1], 3.0, atol=1e-6)


def test_sparse_rows_give_the_same(generator):
    rows = _rows(generator)
    expected = denoising_map(rows, 0.5, 1e-5)
    found = denoising_map(scipy.sparse.csr_array(rows), 0.5, 1e-5)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_an_empty_column_stays_empty(generator):
    rows = _rows(generator)
    rows[:, 1] = 0
    kernel, bias = denoising_map(rows, 0.5, 1e-5)
    assert not kernel[:, 1].any()
    assert not kernel[1].any()
    assert bias[1] == 0


def test_single_precision_is_enough(generator):
    rows = (generator.uniform(size=(300, 200)) < 0.05).astype("float32")
    single = denoising_map(rows, 0.5, 1e-5)
    double = denoising_map(rows.astype("float64"), 0.5, 1e-5)
    assert single[0].dtype == "float32"
    for one, other in zip(single, double, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_equations_without_solution_are_refused(generator):
    rows = np.repeat(_rows(generator, 30, 1), 3, axis=1) * 1e4
    with pytest.raises(ValueError, match="`corruption`.*cannot be solved"):
        denoising_map(rows.astype("float32"), 1e-9, 1e-9)
