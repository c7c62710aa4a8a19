"""Quadratic programs over a box and one bound on the mean."""

import numpy as np

#: Of the objective, what a solution may be worse than the best one.
_TOLERANCE = 1e-7
_MOST_STEPS = 100
#: How much of the way to the nearest bound a step may go.
_DAMPING = 0.995


def box_program(system, linear, bound, slack):
    """Minimum of a convex quadratic over weights of mean about one.

    Formula, with Q positive semi-definite:

        min 1/2 b' Q b - c' b
        with 0 <= b_i <= bound and |mean(b) - 1| <= slack

    A primal-dual interior-point method with a predictor and a corrector.
    Every step solves two systems with Q plus a positive diagonal, which is
    all that it asks of `system`.

    Args:
        system: An object with `product(b)`, Q b, and `solver(diagonal)`, a
            function of a right-hand side that solves with Q + diag.
        linear: c, float64 `(n,)`.
        bound: Largest weight, above 1.
        slack: Not negative.

    Returns:
        Float64 array `(n,)`.

    Reference:

    - [Mehrotra, 1992, On the Implementation of a Primal-Dual Interior Point
      Method](https://doi.org/10.1137/0802028)
    - [Nocedal & Wright, 2006, Numerical Optimization, algorithm 16.4](
      https://doi.org/10.1007/978-0-387-40065-5)
    """
    state = _State(system, linear, bound, slack)
    for _ in range(_MOST_STEPS):
        if state.is_solved():
            break
        state.step()
    return state.weights


class _State:
    """Weights b, and t = mean(b) as a variable beside them.

    t has bounds of its own, and b' 1 / n - t = 0 has the multiplier `price`;
    it holds from the start, and every step keeps it. So one vector of
    variables, x = (b, t), has a lower and an upper bound each. Everything is
    divided by n, so that sizes do not depend on the number of rows.
    """

    def __init__(self, system, linear, bound, slack):
        count = len(linear)
        self.system = system
        self.linear = linear / count
        self.count = count
        # A range without an inside would leave no path to go along.
        slack = max(slack, 1e-7)
        self.low = np.append(np.zeros(count), 1.0 - slack)
        self.high = np.append(np.full(count, float(bound)), 1.0 + slack)
        self.x = np.ones(count + 1)
        self.price = 0.0
        size = np.abs(self._slope(self.x)[:-1]).mean() + 1e-3 / count
        self.lower = size / np.minimum(self.x - self.low, 1.0)
        self.upper = size / np.minimum(self.high - self.x, 1.0)
        # The mean's own multipliers are of the order of a sum over rows.
        self.lower[-1] = self.upper[-1] = size

    @property
    def weights(self):
        return self.x[:-1]

    def gap(self):
        """Complementarity, summed: what the objective per row may lose."""
        return self.lower @ (self.x - self.low) + self.upper @ (
            self.high - self.x
        )

    def is_solved(self):
        """Whether gap and slope are small beside the objective."""
        product = self.system.product(self.weights) / self.count
        value = self.weights @ (0.5 * product - self.linear)
        least = _TOLERANCE * max(abs(value), 1e-6)
        # Weights are of the order of one, and their sum is n.
        slope = np.abs(self._dual_residual()).max() * self.count
        return self.gap() < least and slope < 100 * least

    def step(self):
        below, above = self.x - self.low, self.high - self.x
        diagonal = self.lower / below + self.upper / above
        solve = self.system.solver(diagonal[:-1] * self.count)
        spread = solve(np.ones(self.count))
        middle = self.gap() / (2 * len(self.x))

        def direction(push_low, push_high):
            """Newton's, towards products of slack and multiplier."""
            right = -self._dual_residual()
            right += push_low / below - push_high / above
            right += -self.lower + self.upper
            return self._direction(solve, spread, diagonal, right)

        zero = np.zeros_like(self.x)
        moved, price = direction(zero, zero)
        lower, upper = self._multipliers(moved, zero, zero)
        reach = self._reach(moved, lower, upper)
        ahead = (self.lower + reach * lower) @ (below + reach * moved)
        ahead += (self.upper + reach * upper) @ (above - reach * moved)
        aim = middle * (ahead / (2 * len(self.x)) / middle) ** 3
        push_low = aim - moved * lower
        push_high = aim + moved * upper
        moved, price = direction(push_low, push_high)
        lower, upper = self._multipliers(moved, push_low, push_high)
        reach = min(1.0, _DAMPING * self._reach(moved, lower, upper))
        self.x = self.x + reach * moved
        self.price += reach * price
        self.lower = self.lower + reach * lower
        self.upper = self.upper + reach * upper

    def _slope(self, x):
        """Gradient of the objective per row."""
        product = self.system.product(x[:-1]) / self.count
        return np.append(product - self.linear, 0.0)

    def _dual_residual(self):
        found = self._slope(self.x) - self.lower + self.upper
        found[:-1] += self.price / self.count
        found[-1] -= self.price
        return found

    def _direction(self, solve, spread, diagonal, right):
        """Solves for the weights, their mean and its multiplier."""
        # (Q/n + D) db + dp/n = r and d dt - dp = r_t, with mean(db) = dt.
        plain = solve(right[:-1] * self.count)
        mean = plain.mean() - right[-1] / diagonal[-1]
        price = mean / (spread.mean() + 1.0 / diagonal[-1])
        weights = plain - price * spread
        return np.append(weights, weights.mean()), price

    def _multipliers(self, moved, push_low, push_high):
        below, above = self.x - self.low, self.high - self.x
        lower = (push_low - self.lower * moved) / below - self.lower
        upper = (push_high + self.upper * moved) / above - self.upper
        return lower, upper

    def _reach(self, moved, lower, upper):
        """Largest step, up to 1, that keeps everything positive."""
        pairs = (
            (self.x - self.low, moved),
            (self.high - self.x, -moved),
            (self.lower, lower),
            (self.upper, upper),
        )
        reach = 1.0
        for value, change in pairs:
            shrinks = change < 0
            if shrinks.any():
                ratios = value[shrinks] / -change[shrinks]
                reach = min(reach, ratios.min())
        return reach
