import sys

import numpy as np
import pytest
from scipy import optimize
from scipy.spatial.distance import cdist

from keras_transfer.subspace.group_lasso_plan import group_lasso_plan
from keras_transfer.subspace.transport_plan import METHODS
from keras_transfer.subspace.transport_plan import transport_plan

pytest.importorskip("ot")

EACH_METHOD = pytest.mark.parametrize("method", METHODS)


def _domains(generator, rows=12, target_rows=9, width=3):
    source = generator.normal(size=(rows, width))
    labels = np.arange(rows) % 3
    target = generator.normal(size=(target_rows, width)) + 1.0
    return source, target, labels


def _cost(source, target):
    cost = cdist(source, target, "sqeuclidean")
    return cost / np.median(cost)


def _scaled(cost, regularization, rounds=3000):
    """Sinkhorn's algorithm, as the paper has it."""
    kernel = np.exp(-cost / regularization)
    rows, columns = (np.full(size, 1 / size) for size in cost.shape)
    right = np.ones(cost.shape[1])
    for _ in range(rounds):
        left = rows / (kernel @ right)
        right = columns / (kernel.T @ left)
    return left[:, None] * kernel * right


@EACH_METHOD
def test_rows_and_columns_have_equal_mass(generator, method):
    source, target, labels = _domains(generator)
    plan = transport_plan(source, target, labels, method=method)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / 12, atol=1e-6)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 9, atol=1e-6)
    assert plan.min() >= 0


def test_exact_is_the_best_assignment(generator):
    source, target, _ = _domains(generator, 15, 15)
    rows, columns = optimize.linear_sum_assignment(_cost(source, target))
    expected = np.zeros((15, 15))
    expected[rows, columns] = 1 / 15
    plan = transport_plan(source, target)
    np.testing.assert_allclose(plan, expected, atol=1e-12)


def test_exact_is_the_linear_programme(generator):
    source, target, _ = _domains(generator, 6, 4)
    cost = _cost(source, target)
    sums = np.vstack(
        [
            np.kron(np.eye(6), np.ones((1, 4))),
            np.kron(np.ones((1, 6)), np.eye(4)),
        ]
    )
    shares = np.repeat([1 / 6, 1 / 4], [6, 4])
    best = optimize.linprog(cost.ravel(), A_eq=sums, b_eq=shares).fun
    plan = transport_plan(source, target)
    assert (plan * cost).sum() == pytest.approx(best)


@pytest.mark.parametrize("regularization", [0.1, 1.0])
def test_sinkhorn_is_the_scaling_of_rows_and_columns(generator, regularization):
    source, target, _ = _domains(generator)
    plan = transport_plan(
        source, target, method="sinkhorn", regularization=regularization
    )
    expected = _scaled(_cost(source, target), regularization)
    np.testing.assert_allclose(plan, expected, atol=1e-8)


def test_lp_l1_is_sinkhorn_on_costs_that_follow_the_classes(generator):
    source, target, labels = _domains(generator)
    cost, same = _cost(source, target), labels[:, None] == labels
    extra = np.zeros_like(cost)
    for _ in range(10):
        expected = _scaled(cost + 0.5 * extra, 0.3)
        # The slope of the square root of a class's mass.
        extra = 0.5 * (same @ expected + 1e-3) ** -0.5
    plan = transport_plan(
        source,
        target,
        labels,
        method="lp_l1",
        regularization=0.3,
        class_regularization=0.5,
    )
    np.testing.assert_allclose(plan, expected, atol=1e-6)


def test_l1_l2_is_the_plan_of_the_group_lasso(generator):
    source, target, labels = _domains(generator)
    cost = _cost(source, target)
    expected = group_lasso_plan(
        lambda other: _scaled(other, 0.5, 500),
        [np.full(12, 1 / 12), np.full(9, 1 / 9)],
        labels,
        cost,
        0.5,
        0.4,
    )
    plan = transport_plan(
        source,
        target,
        labels,
        method="l1_l2",
        regularization=0.5,
        class_regularization=0.4,
    )
    np.testing.assert_allclose(plan, expected, atol=1e-5)


@pytest.mark.parametrize("method", ["lp_l1", "l1_l2"])
def test_target_rows_get_mass_of_fewer_classes(generator, method):
    """Three overlapping clusters in each domain."""
    labels = np.arange(30) % 3
    centres = 1.5 * np.eye(3)
    source = centres[labels] + generator.normal(size=(30, 3))
    target = centres[labels] + generator.normal(size=(30, 3)) + 1.0

    def purity(plan):
        shares = np.stack([plan[labels == one].sum(axis=0) for one in range(3)])
        return (shares.max(axis=0) / shares.sum(axis=0)).mean()

    purities = [
        purity(
            transport_plan(
                source,
                target,
                labels,
                method=method,
                regularization=0.2,
                class_regularization=weight,
            )
        )
        for weight in (1e-6, 1.5)
    ]
    assert purities[1] > purities[0] + 0.02


@EACH_METHOD
def test_the_scale_of_the_features_does_not_matter(generator, method):
    source, target, labels = _domains(generator)
    plan = transport_plan(source, target, labels, method=method)
    other = transport_plan(
        source * 100 + 7, target * 100 + 7, labels, method=method
    )
    np.testing.assert_allclose(plan, other, atol=1e-8)


def test_normalizations_divide_the_cost(generator):
    source, target, _ = _domains(generator)
    cost = cdist(source, target, "sqeuclidean")
    for normalization, scale in (
        (None, 1.0),
        ("max", cost.max()),
        ("median", np.median(cost)),
    ):
        plan = transport_plan(
            source, target, method="sinkhorn", normalization=normalization
        )
        np.testing.assert_allclose(plan, _scaled(cost / scale, 1.0), atol=1e-7)


def test_names_of_classes_are_labels(generator):
    source, target, labels = _domains(generator)
    names = np.array(["cat", "ape", "dog"])[labels]
    plans = [
        transport_plan(source, target, given, method="lp_l1")
        for given in (labels, names)
    ]
    np.testing.assert_allclose(*plans, atol=1e-12)


def test_wrong_labels_are_refused(generator):
    source, target, labels = _domains(generator)
    with pytest.raises(ValueError, match="adapt.source, target, source_labels"):
        transport_plan(source, target, method="lp_l1")
    with pytest.raises(ValueError, match="one label for each row"):
        transport_plan(source, target, labels[1:], method="l1_l2")


def test_a_regularization_that_is_too_small_is_refused(generator):
    source, target, labels = _domains(generator)
    with pytest.raises(ValueError, match="`regularization`.*a larger one"):
        transport_plan(
            source, target, labels, method="lp_l1", regularization=1e-5
        )


def test_domains_of_one_point_are_refused():
    rows = np.ones((4, 2))
    with pytest.raises(ValueError, match="squared distances .* is 0"):
        transport_plan(rows, rows)


def test_without_pot_the_error_says_what_to_install(generator, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    source, target, _ = _domains(generator)
    with pytest.raises(ImportError, match=r"keras-transfer\[transport\]"):
        transport_plan(source, target)


def test_sinkhorn_is_safe_where_the_kernel_is_zero(generator):
    """exp(-cost / regularization) is 0 for all targets of a far row."""
    source, target, _ = _domains(generator)
    source[0] += 30.0
    plan = transport_plan(
        source, target, method="sinkhorn", regularization=0.05
    )
    np.testing.assert_allclose(plan.sum(axis=1), 1 / 12, atol=1e-4)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 9, atol=1e-4)
