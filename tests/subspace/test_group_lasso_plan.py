import numpy as np
import pytest
from scipy import optimize
from scipy.spatial.distance import cdist

from keras_transfer.subspace.group_lasso_plan import group_lasso_plan


def _cost(generator, rows, columns):
    return cdist(
        generator.normal(size=(rows, 2)),
        generator.normal(size=(columns, 2)) + 1.0,
        "sqeuclidean",
    )


def _sinkhorn(shares, regularization):
    def solve(cost):
        kernel, right = np.exp(-cost / regularization), np.ones(cost.shape[1])
        for _ in range(2000):
            left = shares[0] / (kernel @ right)
            right = shares[1] / (kernel.T @ left)
        return left[:, None] * kernel * right

    return solve


def _plan(cost, classes, regularization, class_regularization):
    shares = [np.full(size, 1 / size) for size in cost.shape]
    return group_lasso_plan(
        _sinkhorn(shares, regularization),
        shares,
        classes,
        cost,
        regularization,
        class_regularization,
    )


def _objective(plan, cost, classes, regularization, class_regularization):
    norms = 0.0
    for one in np.unique(classes):
        for column in plan[classes == one].T:
            norms += np.linalg.norm(column)
    entropy = (plan * np.log(plan)).sum()
    return (
        (plan * cost).sum()
        + regularization * entropy
        + class_regularization * norms
    )


@pytest.mark.parametrize("weights", [(0.5, 0.4), (0.3, 1.5)])
def test_it_is_the_minimum(generator, weights):
    """Found by a general optimizer, on a plan of 4 by 3."""
    classes, cost = np.array([0, 0, 1, 1]), _cost(generator, 4, 3)
    best = optimize.minimize(
        lambda x: _objective(x.reshape(4, 3), cost, classes, *weights),
        np.full(12, 1 / 12),
        method="SLSQP",
        bounds=[(1e-9, 1)] * 12,
        constraints=[
            {"type": "eq", "fun": lambda x: x.reshape(4, 3).sum(1) - 1 / 4},
            {"type": "eq", "fun": lambda x: x.reshape(4, 3).sum(0)[1:] - 1 / 3},
        ],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert best.success
    plan = _plan(cost, classes, *weights)
    value = _objective(plan, cost, classes, *weights)
    assert value == pytest.approx(best.fun, abs=1e-4)
    np.testing.assert_allclose(plan, best.x.reshape(4, 3), atol=5e-3)


def test_a_term_of_no_weight_leaves_sinkhorn(generator):
    classes, cost = np.arange(6) % 2, _cost(generator, 6, 5)
    shares = [np.full(size, 1 / size) for size in cost.shape]
    np.testing.assert_allclose(
        _plan(cost, classes, 0.5, 1e-9),
        _sinkhorn(shares, 0.5)(cost),
        atol=1e-3,
    )


def test_names_of_the_classes_do_not_matter(generator):
    classes, cost = np.arange(9) % 3, _cost(generator, 9, 5)
    np.testing.assert_allclose(
        _plan(cost, classes, 0.5, 1.0),
        _plan(cost, 2 - classes, 0.5, 1.0),
        atol=1e-12,
    )


def test_a_solver_that_fails_is_noticed(generator):
    cost = _cost(generator, 4, 3)
    shares = [np.full(size, 1 / size) for size in cost.shape]
    with pytest.raises(ValueError, match="`regularization`"):
        group_lasso_plan(
            lambda cost: cost * np.nan, shares, np.arange(4), cost, 1e-4, 1.0
        )
