"""How far the domains lie apart, class by class."""

import numpy as np

from keras_transfer.data.feature_rows import check_widths
from keras_transfer.data.feature_rows import feature_rows
from keras_transfer.explain.predictions import check_range
from keras_transfer.transferability.inputs import true_classes


def class_distances(
    source, source_labels, target, target_labels, num_classes=None
):
    """Distance of the domains' means of each class, in units of the spread.

    Formula, with `m(D, c)` the mean of the rows of class c in domain D, and n
    rows in G groups, one for each class of each domain that has rows:

        spread^2 = sum_D sum_c sum_{x of class c in D} ||x - m(D, c)||^2
                   / (n - G)
        distance[c] = ||m(source, c) - m(target, c)|| / spread

    It does not change if all features are shifted, rotated or scaled
    together. At 1 the class has moved by as much as its rows lie around their
    mean.

    Bad at: few rows of a class: where the domains are alike, n_s and n_t rows
    still give about `sqrt(1 / n_s + 1 / n_t)`; classes whose shape differs
    and whose mean does not; the labels of the target have to be known.

    Args:
        source: Features `(rows, width)`.
        source_labels: Integers `(rows,)`.
        target: Features of the same width.
        target_labels: Integers `(rows,)`.
        num_classes: Number of classes; by default up to the largest label.

    Returns:
        A float64 array `(num_classes,)`, NaN for a class that one of the
        domains lacks.

    Raises:
        ValueError: If features and labels do not fit each other, or no class
            has any spread.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import explain
    >>> source = np.array([[0.0], [2.0], [9.0], [11.0]])
    >>> labels = np.array([0, 0, 1, 1])
    >>> explain.class_distances(source, labels, source + 3.0, labels).round(3)
    array([2.121, 2.121])
    """
    domains = [
        _checked(features, labels, domain)
        for features, labels, domain in (
            (source, source_labels, "source"),
            (target, target_labels, "target"),
        )
    ]
    (source, source_labels), (target, target_labels) = domains
    check_widths(source, target)
    if num_classes is None:
        num_classes = max(source_labels.max(), target_labels.max()) + 1
    for _, labels in domains:
        check_range(labels, num_classes)
    means, scatters, groups = zip(
        *[_moments(*domain, num_classes) for domain in domains], strict=True
    )
    freedom = len(source) + len(target) - sum(groups)
    spread = np.sqrt(sum(scatters) / freedom) if freedom else 0.0
    if not spread > 0:
        raise ValueError(
            "The features do not vary within any class, so that there is no "
            "spread to measure distances by. Give more rows of each class."
        )
    return np.linalg.norm(means[0] - means[1], axis=1) / spread


def _checked(features, labels, domain):
    features = feature_rows(features, domain, least_rows=1)
    return features, true_classes(labels, len(features), f"{domain}_labels")


def _moments(rows, labels, num_classes):
    """Means of the classes, sum of squares around them, number of groups."""
    counts = np.bincount(labels, minlength=num_classes)
    sums = np.zeros((num_classes, rows.shape[1]))
    np.add.at(sums, labels, rows)
    with np.errstate(invalid="ignore"):
        means = sums / counts[:, None]
    scatter = np.square(rows - means[labels]).sum()
    return means, scatter, int((counts > 0).sum())
