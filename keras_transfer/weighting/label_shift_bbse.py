"""Shares of classes from a confusion matrix: black box shift estimation."""

import numpy as np

from keras_transfer.weighting import label_shift

#: Singular values of the confusion matrix, relative to the largest.
_LEAST_VALUE = 1e-6


def label_shift_bbse(
    source_labels, source_probabilities, target_probabilities, *, hard=False
):
    """Shares of the classes in the target, by inverting a confusion matrix.

    Formula, with f(x) the probabilities of a classifier (or, if `hard`, 1 for
    the predicted class and 0 for the others):

        C_ij = mean over the source of f_i(s) 1[y = j]
        q_i = mean over the target of f_i(t)
        C w = q,  w_j = max(0, w_j),  target share = w_j * source share

    the shares divided by their sum. The classifier need not be calibrated,
    nor good, as long as C has an inverse.

    Bad at: few rows or a weak classifier, where C is nearly singular and the
    weights are wild; and any shift within the classes. The source rows must
    be such as the classifier was not trained on: on its own training rows it
    looks better than it is.

    Args:
        source_labels: Class numbers `(n,)` of held-out source rows.
        source_probabilities: Array `(n, num_classes)` of these rows.
        target_probabilities: Array `(m, num_classes)` of target rows.
        hard: Whether predicted classes are counted, as in the paper, instead
            of probabilities averaged.

    Returns:
        A `LabelShift`.

    Raises:
        ValueError: If arrays disagree, or the predictions do not tell the
            classes apart.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    >>> shift = weighting.label_shift_bbse([0, 0, 1, 1], p, p[1:])
    >>> shift.target_shares.round(3)
    array([0.333, 0.667])

    Reference:

    - [Lipton et al., 2018, Detecting and Correcting for Label Shift with
      Black Box Predictors, algorithm 1](https://arxiv.org/abs/1802.03916)
    """
    source = label_shift.probability_rows(
        source_probabilities, "source_probabilities"
    )
    target = label_shift.probability_rows(
        target_probabilities, "target_probabilities"
    )
    classes = source.shape[1]
    if target.shape[1] != classes:
        raise ValueError(
            "Source and target must have probabilities of the same classes. "
            f"Received: {classes} and {target.shape[1]} columns."
        )
    numbers = label_shift.class_numbers_of(
        source_labels, classes, "source_labels"
    )
    if len(numbers) != len(source):
        raise ValueError(
            f"`source_labels` has {len(numbers)} rows and "
            f"`source_probabilities` has {len(source)}. Expected one label "
            "for each row."
        )
    if hard:
        source = np.eye(classes)[source.argmax(axis=1)]
        target = np.eye(classes)[target.argmax(axis=1)]
    is_class = np.eye(classes)[numbers]
    shares = is_class.mean(axis=0)
    weights = _solved(source.T @ is_class / len(source), target.mean(axis=0))
    found = np.maximum(weights, 0.0) * shares
    return label_shift.shift_to(shares, found / found.sum())


def _solved(confusion, means):
    """Weights of the classes that occur; 0 for the others."""
    occurs = confusion.any(axis=0)
    left, values, right = np.linalg.svd(
        confusion[:, occurs], full_matrices=False
    )
    if values[-1] < _LEAST_VALUE * values[0]:
        raise ValueError(
            "The predictions do not tell the classes apart: the confusion "
            f"matrix has singular values from {values[0]:.2g} to "
            f"{values[-1]:.2g}. Use a better classifier, `hard=False`, or "
            "merge classes."
        )
    weights = np.zeros(len(means))
    weights[occurs] = right.T @ ((left.T @ means) / values)
    return weights
