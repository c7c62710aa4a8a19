"""Proxy A-distance: how easily two domains are told apart."""

import dataclasses

import numpy as np

from keras_transfer.data import feature_rows
from keras_transfer.weighting import domain_classifier


@dataclasses.dataclass(frozen=True)
class ProxyADistance:
    """Result of `proxy_a_distance`.

    Args:
        distance: From 0, where the domains look alike, to 2.
        interval: Its 95 % interval.
        error: Held-out error of the domain classifier; above 0.5 it counts
            as 0.5.
        error_interval: Wilson's 95 % interval of the error.
        rows: Number of rows that were taken of each domain.

    Example:

    >>> from keras_transfer import transferability
    >>> print(transferability.ProxyADistance(
    ...     1.2, (0.9, 1.4), 0.2, (0.15, 0.275), 100
    ... ))
    proxy A-distance 1.200 (95 % interval 0.900 to 1.400), domain error 0.200
    """

    distance: float
    interval: tuple[float, float]
    error: float
    error_interval: tuple[float, float]
    rows: int

    def to_dict(self):
        """The fields as a dict for JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        low, high = self.interval
        return (
            f"proxy A-distance {self.distance:.3f} (95 % interval {low:.3f} "
            f"to {high:.3f}), domain error {self.error:.3f}"
        )


def proxy_a_distance(
    source_features,
    target_features,
    *,
    folds=5,
    regularization=1.0,
    classifier=None,
    max_rows=2000,
    seed=0,
):
    """Distance of two domains, as far as a classifier tells them apart.

    Formula, with e the error of a domain classifier on held-out rows, equally
    many of each domain:

        PAD = 2 (1 - 2 min(e, 1/2))

    Each row is judged by a classifier that was fitted to the other folds, so
    all rows count. The interval is Wilson's for the error, which takes the
    rows to be independent; that the folds share their training rows makes it
    a little too narrow.

    Bad at: differences that no linear classifier sees (give another one);
    wide features with few rows, where the classifier overfits and the
    distance is too small; and repeated rows (frames of one video), which
    make it too large. A small distance does not mean that the classes agree.

    Args:
        source_features: Array `(num_source, width)`.
        target_features: Array `(num_target, width)`.
        folds: Number of folds.
        regularization: Weight of half the squared norm of the coefficients
            of the logistic regression, on standardised features.
        classifier: A scikit-learn classifier instead of that one.
        max_rows: Rows to draw of each domain at most, or `None`.
        seed: Decides the rows and the folds.

    Returns:
        A `ProxyADistance`.

    Raises:
        ValueError: If widths differ, or rows are fewer than folds.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> rows = np.random.default_rng(0).normal(size=(200, 2))
    >>> far = transferability.proxy_a_distance(rows[:100], rows[100:] + 9)
    >>> near = transferability.proxy_a_distance(rows[:100], rows[100:])
    >>> far.distance, near.distance < 0.5
    (2.0, True)

    Reference:

    - [Ben-David et al., 2007, Analysis of Representations for Domain
      Adaptation, section 4](https://papers.nips.cc/paper/2983)
    """
    domain_classifier.check_settings(folds, regularization, max_rows, seed)
    source = feature_rows.feature_rows(source_features, "source_features")
    target = feature_rows.feature_rows(target_features, "target_features")
    domain_classifier.check_rows(source, target, folds)
    generator = np.random.default_rng(seed)
    size = min(len(source), len(target), max_rows or len(source))
    both = np.concatenate(
        [
            source[domain_classifier.sample(len(source), size, generator)],
            target[domain_classifier.sample(len(target), size, generator)],
        ]
    )
    domains = np.repeat([0, 1], size)
    if classifier is None:
        classifier = domain_classifier.linear_classifier(regularization)
    found = domain_classifier.held_out(classifier, both, domains, folds, seed)
    wrong = int((found != domains).sum())
    low, high = domain_classifier.error_interval(wrong, len(domains))
    error = wrong / len(domains)
    return ProxyADistance(
        distance=_distance(error),
        interval=(_distance(high), _distance(low)),
        error=error,
        error_interval=(low, high),
        rows=size,
    )


def _distance(error):
    return 2.0 * (1.0 - 2.0 * min(error, 0.5))
