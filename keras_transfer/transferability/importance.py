"""Means of values over rows that have weights."""

import numpy as np


def weighted_mean(values, weights):
    """A weighted mean and its 95 % interval.

    Formula, with normal errors and the weights taken as given:

        mean = sum_i w_i v_i / sum_i w_i
        error^2 = sum_i w_i^2 (v_i - mean)^2 / (sum_i w_i)^2

    Args:
        values: Float64 array `(rows,)`.
        weights: Float64 array `(rows,)`.

    Returns:
        Pair of the mean and the pair of bounds.
    """
    mean = float((weights * values).sum() / weights.sum())
    spread = (weights * (values - mean)) ** 2
    half = 1.96 * float(np.sqrt(spread.sum()) / weights.sum())
    return mean, (mean - half, mean + half)
