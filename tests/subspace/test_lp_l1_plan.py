import numpy as np
import pytest

from keras_transfer.subspace.lp_l1_plan import lp_l1_plan


def _problem(generator, rows=9, columns=7, classes=3):
    cost = generator.uniform(size=(rows, columns))
    return cost, np.arange(rows) % classes


def _sinkhorn(cost, regularization=0.2):
    kernel, right = np.exp(-cost / regularization), np.ones(cost.shape[1])
    for _ in range(500):
        left = 1 / len(cost) / (kernel @ right)
        right = 1 / cost.shape[1] / (kernel.T @ left)
    return left[:, None] * kernel * right


def _objective(plan, cost, classes, weight, regularization=0.2):
    roots = sum(
        np.sqrt(plan[classes == one, column].sum() + 1e-3)
        for one in np.unique(classes)
        for column in range(plan.shape[1])
    )
    entropy = (plan * np.log(plan)).sum()
    return (plan * cost).sum() + regularization * entropy + weight * roots


def test_it_is_the_solver_of_pot(generator):
    da = pytest.importorskip("ot.da")
    cost, classes = _problem(generator)
    expected = da.sinkhorn_lpl1_mm(
        np.full(9, 1 / 9),
        classes,
        np.full(7, 1 / 7),
        cost,
        0.2,
        0.3,
        numInnerItermax=5000,
    )
    plan = lp_l1_plan(_sinkhorn, classes, cost, 0.3)
    np.testing.assert_allclose(plan, expected, atol=1e-7)


def test_no_step_goes_up(generator):
    cost, classes = _problem(generator)
    values = []

    def solve(other):
        plan = _sinkhorn(other)
        values.append(_objective(plan, cost, classes, 0.3))
        return plan

    lp_l1_plan(solve, classes, cost, 0.3)
    assert len(values) == 10
    assert (np.diff(values) <= 1e-9).all()
    assert values[-1] < values[0] - 1e-4


def test_a_term_of_no_weight_leaves_sinkhorn(generator):
    cost, classes = _problem(generator)
    np.testing.assert_allclose(
        lp_l1_plan(_sinkhorn, classes, cost, 1e-12), _sinkhorn(cost), atol=1e-9
    )


def test_names_of_the_classes_do_not_matter(generator):
    cost, classes = _problem(generator)
    np.testing.assert_allclose(
        lp_l1_plan(_sinkhorn, classes, cost, 0.5),
        lp_l1_plan(_sinkhorn, 2 - classes, cost, 0.5),
        atol=1e-12,
    )
