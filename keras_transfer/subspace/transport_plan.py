"""Plans that say how much of each source row goes to each target row."""

import warnings

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.feature_rows import class_numbers
from keras_transfer.subspace.group_lasso_plan import group_lasso_plan
from keras_transfer.subspace.lp_l1_plan import lp_l1_plan

#: Name of a method, and whether it wants the labels of the source.
METHODS = {"exact": False, "sinkhorn": False, "lp_l1": True, "l1_l2": True}
#: Or `None`.
NORMALIZATIONS = ("median", "max")

_MOST_PIVOTS = 10_000_000
_MOST_SCALINGS = 2000
#: Where Sinkhorn's algorithm is a step of another; as in POT.
_MOST_INNER_SCALINGS = 200
#: Share of all mass that may lie with the wrong row.
_LARGEST_ERROR = 0.01


def transport_plan(
    source,
    target,
    source_labels=None,
    *,
    method="exact",
    regularization=1.0,
    class_regularization=0.1,
    normalization="median",
):
    """The plan of least cost that moves all source rows to the target's.

    Formula, over plans P of shape (n, m) with rows that sum to 1 / n and
    columns that sum to 1 / m, and M the squared distances:

        minimise  <P, M> + regularization * sum_ij P_ij log P_ij
                         + class_regularization * sum_jc penalty(P_cj)

    with P_cj what target row j gets from the rows of class c. The last terms
    belong to some methods only: see `OptimalTransport`.

    Args:
        source: float64 array `(n, d)`.
        target: float64 array `(m, d)`.
        source_labels: Integers or strings `(n,)`, for the two last methods.
        method: One of `METHODS`.
        regularization: Weight of the entropy.
        class_regularization: Weight of the classes' term.
        normalization: What the squared distances are divided by.

    Returns:
        float64 array `(n, m)`.

    Raises:
        ImportError: If POT is not installed.
        ValueError: If labels are missing or wrong, all rows are equal, or the
            solver did not get there.
    """
    ot = _solvers()
    labels = None
    if METHODS[method]:
        labels = _labels(source_labels, len(source), method)
    cost = _cost(source, target, normalization)
    shares = [np.full(len(rows), 1 / len(rows)) for rows in (source, target)]
    with warnings.catch_warnings():
        # The plan itself is looked at below, whatever the solver thinks.
        warnings.simplefilter("ignore")
        plan = _solve(
            ot,
            method,
            shares,
            cost,
            labels,
            regularization,
            class_regularization,
        )
    _check_plan(plan, shares, method, regularization)
    return plan


def _solve(
    ot, method, shares, cost, labels, regularization, class_regularization
):
    def sinkhorn(cost, steps=_MOST_INNER_SCALINGS, solver="sinkhorn"):
        return ot.sinkhorn(
            *shares, cost, regularization, method=solver, numItermax=steps
        )

    if method == "exact":
        return ot.emd(*shares, cost, numItermax=_MOST_PIVOTS)
    if method == "sinkhorn":
        plan = sinkhorn(cost, _MOST_SCALINGS)
        if _error(plan, shares) <= _LARGEST_ERROR:
            return plan
        # Ten times slower, and safe where exp(-cost) is 0.
        return sinkhorn(cost, _MOST_SCALINGS, "sinkhorn_log")
    if method == "lp_l1":
        return lp_l1_plan(sinkhorn, labels, cost, class_regularization)
    return group_lasso_plan(
        sinkhorn, shares, labels, cost, regularization, class_regularization
    )


def _solvers():
    try:
        import ot
    except ImportError as error:
        raise ImportError(
            "Optimal transport needs POT: pip install keras-transfer[transport]"
        ) from error
    return ot


def _labels(source_labels, rows, method):
    if source_labels is None:
        raise ValueError(
            f"method={method!r} keeps the classes of the source apart. Call "
            "adapt(source, target, source_labels)."
        )
    return class_numbers(source_labels, rows)[0]


def _cost(source, target, normalization):
    shift = target.mean(axis=0)
    source, target = source - shift, target - shift
    cost = source @ target.T
    cost *= -2.0
    cost += (source**2).sum(axis=1)[:, None]
    cost += (target**2).sum(axis=1)
    np.maximum(cost, 0.0, out=cost)
    if normalization is None:
        return cost
    scale = {"median": np.median, "max": np.max}[normalization](cost)
    if not scale > 0:
        raise invalid_argument(
            "normalization",
            normalization,
            f"another one, as the {normalization} of the squared distances "
            "of the two domains is 0",
        )
    cost /= scale
    return cost


def _error(plan, shares):
    """Mass in the wrong rows or columns; infinite if a row has none."""
    sums = plan.sum(axis=1), plan.sum(axis=0)
    error = max(
        np.abs(found - wanted).sum()
        for found, wanted in zip(sums, shares, strict=True)
    )
    return error if np.isfinite(error) and sums[0].min() > 0 else np.inf


def _check_plan(plan, shares, method, regularization):
    if _error(plan, shares) <= _LARGEST_ERROR:
        return
    if method == "exact":
        raise ValueError(
            f"No exact plan was found in {_MOST_PIVOTS} steps of the simplex "
            'method. Take fewer rows, or method="sinkhorn".'
        )
    raise invalid_argument(
        "regularization",
        regularization,
        "a larger one: the plan puts too much mass on the wrong rows",
        'With normalization="median" about 1 is a good start.',
    )
