"""Transport plans that keep classes apart by roots of their mass."""

import numpy as np

_STEPS = 10
#: Keeps the slope of a root finite at 0.
_LEAST = 1e-3


def lp_l1_plan(solve, classes, cost, class_regularization):
    """Ten steps down from Sinkhorn's plan, towards one class a target row.

    Formula, with one group for each class c and target row j:

        class_regularization * sum_jc (sum_{i in c} P_ij)^(1/2)

    is added to what `solve` minimises. The root is concave, so its tangent at
    a plan lies above it: each step solves with the slope of that tangent
    added to the costs, and cannot make the sum larger.

    Note: the algorithm, steps and constant of POT's `sinkhorn_lpl1_mm`, which
    takes arrays of `n * m * classes` numbers and several times as long.

    Args:
        solve: Function from costs `(n, m)` to Sinkhorn's plan.
        classes: Class numbers of the source rows, int64 `(n,)`.
        cost: float64 array `(n, m)`.
        class_regularization: Weight of the roots.

    Returns:
        float64 array `(n, m)`.

    Reference:

    - [Courty, Flamary & Tuia, 2014, Domain Adaptation with Regularized
      Optimal Transport, section 3](https://hal.science/hal-01018698)
    """
    plan = solve(cost)
    for _ in range(_STEPS - 1):
        masses = np.stack(
            [
                plan[classes == one].sum(axis=0)
                for one in range(classes.max() + 1)
            ]
        )
        slope = 0.5 * class_regularization * (masses + _LEAST) ** -0.5
        plan = solve(cost + slope[classes])
    return plan
