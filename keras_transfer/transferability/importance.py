"""Weights that make source rows stand for target rows."""

import numpy as np

from keras_transfer.transferability import domain_classifier

#: Bounds of a probability, so that no row has an infinite weight.
_LEAST = 1e-6


def discriminative_weights(
    source, target, *, folds=5, regularization=1.0, seed=0
):
    """Density ratio of target to source, from a domain classifier.

    Formula, with p(t | x) from a logistic regression that was fitted without
    row x, and n and m the numbers of rows:

        w(x) = n / m * p(t | x) / (1 - p(t | x)),  divided by the mean of w

    Args:
        source: Float64 array `(n, width)`.
        target: Float64 array `(m, width)`.
        folds: Number of folds.
        regularization: As for `proxy_a_distance`.
        seed: Decides the folds.

    Returns:
        Float64 array `(n,)`, positive with mean 1.

    Reference:

    - [Bickel et al., 2007, Discriminative Learning for Differing Training
      and Test Distributions, section 3](https://doi.org/10.1145/1273496.1273507)
    """
    domain_classifier.check_rows(source, target, folds)
    both = np.concatenate([source, target])
    domains = np.repeat([0, 1], [len(source), len(target)])
    classifier = domain_classifier.linear_classifier(regularization)
    found = domain_classifier.held_out(
        classifier, both, domains, folds, seed, method="predict_proba"
    )
    is_target = np.clip(found[: len(source), 1], _LEAST, 1 - _LEAST)
    weights = is_target / (1 - is_target)
    return weights / weights.mean()


def effective_sample_size(weights):
    """Number of equal rows that are worth as much as the weighted ones.

    Formula:

        (sum_i w_i)^2 / sum_i w_i^2
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


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
