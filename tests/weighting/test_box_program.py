import numpy as np
import pytest
from scipy.optimize import LinearConstraint
from scipy.optimize import minimize

from keras_transfer.weighting.box_program import box_program
from keras_transfer.weighting.kernel_systems import DenseSystem


def _problem(generator, rows=25, ridge=0.1):
    factor = generator.normal(size=(rows, 5))
    matrix = factor @ factor.T
    return matrix + ridge * np.eye(rows), 4 * generator.normal(size=rows)


def _solve(matrix, linear, bound, slack):
    return box_program(DenseSystem(matrix.copy(), 0.0), linear, bound, slack)


def _twin(matrix, linear, bound, slack):
    """SciPy's general solver."""
    rows = len(linear)
    return minimize(
        lambda b: 0.5 * b @ matrix @ b - linear @ b,
        np.ones(rows),
        jac=lambda b: matrix @ b - linear,
        hess=lambda b: matrix,
        method="trust-constr",
        bounds=[(0, bound)] * rows,
        constraints=LinearConstraint(
            np.ones((1, rows)) / rows, 1 - slack, 1 + slack
        ),
        options={"gtol": 1e-10, "xtol": 1e-12, "maxiter": 3000},
    ).x


@pytest.mark.parametrize(
    "bound, slack",
    [(1000.0, 0.8), (1.8, 0.8), (3.0, 0.1), (1000.0, 0.0), (1000.0, 5.0)],
)
def test_the_solution_is_scipys(generator, bound, slack):
    matrix, linear = _problem(generator)
    found = _solve(matrix, linear, bound, slack)
    expected = _twin(matrix, linear, bound, slack)

    def value(b):
        return 0.5 * b @ matrix @ b - linear @ b

    assert value(found) <= value(expected) + 1e-6 * abs(value(expected))
    assert found.min() >= 0 and found.max() <= bound
    assert abs(found.mean() - 1) <= slack + 2e-7
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_optimality_conditions(generator):
    matrix, linear = _problem(generator, rows=60)
    found = _solve(matrix, linear, bound=2.0, slack=0.05)
    slope = matrix @ found - linear
    inside = (found > 1e-4) & (found < 2 - 1e-4)
    # Weights inside agree on the price of the mean; the others would cross.
    price = slope[inside].mean()
    size = np.abs(slope).max()
    assert inside.sum() > 3
    np.testing.assert_allclose(slope[inside], price, atol=1e-4 * size)
    assert (slope[found <= 1e-4] >= price - 1e-4 * size).all()
    assert (slope[found >= 2 - 1e-4] <= price + 1e-4 * size).all()


def test_a_singular_matrix(generator):
    factor = generator.normal(size=(40, 3))
    matrix = factor @ factor.T + 1e-9 * np.eye(40)
    target = generator.uniform(0.5, 1.5, 40)
    found = _solve(matrix, matrix @ target, 1000.0, 0.5)
    np.testing.assert_allclose(factor.T @ found, factor.T @ target, atol=1e-3)


def test_nothing_to_gain_leaves_equal_weights():
    found = _solve(np.eye(10), np.ones(10), 1000.0, 0.5)
    np.testing.assert_allclose(found, 1.0, atol=1e-5)
