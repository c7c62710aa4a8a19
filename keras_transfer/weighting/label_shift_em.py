"""Shares of classes by maximum likelihood: the EM algorithm."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer.weighting import label_shift


def label_shift_em(
    source_labels,
    target_probabilities,
    *,
    tolerance=1e-8,
    max_rounds=10_000,
):
    """Shares of the classes in the target, by maximum likelihood.

    Formula, with p(y | x) a classifier's probabilities and pi the shares,
    repeated from the shares of the source until nothing changes:

        r_jy = (pi_y / source share_y) p(y | t_j), divided by its sum over y
        pi_y = mean_j r_jy

    With calibrated probabilities the most exact of the estimates, and it
    needs no held-out source rows.

    Bad at: classifiers that are too sure of themselves, as most networks are:
    their errors count as certain. Calibrate them on held-out source rows
    first (a temperature does). And any shift within the classes.

    Args:
        source_labels: Class numbers `(n,)` of the rows that the classifier
            was trained on, or their shares, floats `(num_classes,)`.
        target_probabilities: Array `(m, num_classes)` of target rows.
        tolerance: Largest change of a share that ends the rounds.
        max_rounds: Largest number of rounds.

    Returns:
        A `LabelShift`.

    Raises:
        ValueError: If arrays disagree, or the tolerance is not positive.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.1, 0.9]])
    >>> shift = weighting.label_shift_em([0, 0, 1, 1], p)
    >>> shift.target_shares.round(3)
    array([0.22, 0.78])

    Reference:

    - [Saerens et al., 2002, Adjusting the Outputs of a Classifier to New a
      Priori Probabilities, eq. 2.9](
      https://doi.org/10.1162/089976602753284446)
    """
    target = label_shift.probability_rows(
        target_probabilities, "target_probabilities"
    )
    if not tolerance > 0:
        raise invalid_argument("tolerance", tolerance, "a positive number")
    checked_integer("max_rounds", max_rounds, least=1)
    shares = _shares(source_labels, target.shape[1])
    occurs = shares > 0
    # What a class has is a factor of its column.
    likelihood = target[:, occurs] / shares[occurs]
    likelihood = likelihood[likelihood.sum(axis=1) > 0]
    if not len(likelihood):
        raise ValueError(
            "The target's probabilities are zero for all classes that the "
            "source has. Check that the columns are those of the labels."
        )
    now = shares[occurs]
    for _ in range(max_rounds):
        joint = likelihood * now
        after = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        change = np.abs(after - now).max()
        now = after
        if change < tolerance:
            break
    found = np.zeros(len(shares))
    found[occurs] = now
    return label_shift.shift_to(shares, found)


def _shares(given, classes):
    """Shares of the source's classes, from labels or as they are given."""
    shares = np.asarray(given)
    if shares.dtype.kind != "f":
        numbers = label_shift.class_numbers_of(given, classes, "source_labels")
        return np.bincount(numbers, minlength=classes) / len(numbers)
    shares = shares.astype("float64")
    good = shares.shape == (classes,) and shares.min() >= 0
    if not good or not abs(shares.sum() - 1) < 1e-3:
        raise invalid_argument(
            "source_labels",
            given,
            f"class numbers, or {classes} shares that sum to 1",
        )
    return shares / shares.sum()
