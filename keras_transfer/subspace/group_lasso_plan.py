"""Transport plans that keep classes apart by a group lasso."""

import numpy as np
from scipy import optimize

from keras_transfer._public import invalid_argument

_MOST_STEPS = 200
#: Of the objective, as a share of the mean cost.
_LARGEST_GAP = 1e-5
#: Instead of a sum of squares of 0, whose root has no slope.
_LEAST = 1e-30


def group_lasso_plan(
    solve, shares, classes, cost, regularization, class_regularization
):
    """The plan with the least cost, negative entropy and norms of the groups.

    Formula, with one group for each class c and target row j:

        F(P) = <P, M> + regularization * sum_ij P_ij log P_ij
               + class_regularization * sum_jc (sum_{i in c} P_ij^2)^(1/2)

    Generalised conditional gradient: each step replaces the last term by its
    tangent at P, which leaves a problem of Sinkhorn, and goes to the lowest
    point between P and the solution of that. Ends when the gap, which bounds
    F(P) - min F, is small.

    Note: POT's `sinkhorn_l1l2_gl` leaves the entropy out of its line search
    and may stay at its first step (seen in 0.9.7).

    Args:
        solve: Function from costs `(n, m)` to Sinkhorn's plan.
        shares: Pair of the masses `(n,)` and `(m,)`.
        classes: Class numbers of the source rows, int64 `(n,)`.
        cost: float64 array `(n, m)`.
        regularization: Weight of the entropy.
        class_regularization: Weight of the norms.

    Returns:
        float64 array `(n, m)`.

    Raises:
        ValueError: If Sinkhorn's algorithm fails.

    Reference:

    - [Courty, Flamary, Tuia & Rakotomamonjy, 2017, Optimal Transport for
      Domain Adaptation, section 4](https://arxiv.org/abs/1507.00504)
    """
    member = (classes[:, None] == np.arange(classes.max() + 1)).astype(float)

    def norms(plan):
        return np.sqrt(member.T @ plan**2 + _LEAST)

    def smooth(plan):
        logs = np.log(np.maximum(plan, np.finfo("float64").tiny))
        return (plan * cost).sum() + regularization * (plan * logs).sum()

    def objective(plan):
        return smooth(plan) + class_regularization * norms(plan).sum()

    plan = np.outer(*shares)
    for _ in range(_MOST_STEPS):
        slope = class_regularization * plan / (member @ norms(plan))
        other = solve(cost + slope)
        if not np.isfinite(other).all():
            raise invalid_argument(
                "regularization", regularization, "a larger one"
            )
        step = other - plan
        gap = smooth(plan) - smooth(other) - (slope * step).sum()
        if gap <= _LARGEST_GAP * cost.mean():
            break
        plan = plan + _lowest(objective, plan, step) * step
    return plan


def _lowest(objective, plan, step):
    """Where the objective is least between a plan and the next."""
    found = optimize.minimize_scalar(
        lambda size: objective(plan + size * step),
        bounds=(0.0, 1.0),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return found.x
