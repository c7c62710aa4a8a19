"""How far confidence and accuracy lie apart."""

import numbers
from typing import NamedTuple

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.explain.predictions import labelled


class CalibrationBins(NamedTuple):
    """Rows by confidence; NaN where a bin has none.

    Attributes:
        edges: Edges of the bins, float64 `(num_bins + 1,)`.
        counts: Rows of each, int64 `(num_bins,)`.
        accuracy: Share of right predictions, float64 `(num_bins,)`.
        confidence: Mean of the largest probability, float64 `(num_bins,)`.
    """

    edges: np.ndarray
    counts: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray


def calibration_bins(labels, probabilities, num_bins=10):
    """Sorts rows into bins by the probability of the predicted class.

    Bin m, from 1, holds confidences above `(m - 1) / num_bins` and up to
    `m / num_bins`.

    Args:
        labels: As for `expected_calibration_error`.
        probabilities: Likewise.
        num_bins: Likewise.

    Returns:
        A `CalibrationBins`.
    """
    if not isinstance(num_bins, numbers.Integral) or num_bins < 1:
        raise invalid_argument("num_bins", num_bins, "a positive integer")
    labels, rows = labelled(labels, probabilities)
    confidence = rows.max(axis=1)
    is_right = rows.argmax(axis=1) == labels
    edges = np.linspace(0, 1, num_bins + 1)
    bins = np.digitize(confidence, edges[1:-1], right=True)
    counts = np.bincount(bins, minlength=num_bins)
    sums = [
        np.bincount(bins, weights, minlength=num_bins)
        for weights in (is_right, confidence)
    ]
    means = [
        np.divide(s, counts, out=np.full(num_bins, np.nan), where=counts > 0)
        for s in sums
    ]
    return CalibrationBins(edges, counts, *means)


def expected_calibration_error(labels, probabilities, num_bins=10):
    """Mean distance of confidence and accuracy over bins of confidence.

    Formula, with B_m the rows whose largest probability lies in
    `((m - 1) / M, m / M]`, M = `num_bins`, n rows:

        ECE = sum_m |B_m| / n * |accuracy(B_m) - confidence(B_m)|

    It is 0 for a model that is right in 80 % of the cases of which it is 80 %
    sure, and so on; softmax outputs of deep networks are often too sure, and
    more so on a new domain.

    Bad at: few rows, where chance alone gives each bin a distance (with n
    rows in a bin about `0.4 / sqrt(n)`); errors that cancel within a bin; all
    classes but the predicted one, which do not count.

    Args:
        labels: True classes, integers `(rows,)`.
        probabilities: Floats `(rows, num_classes)`, whose rows sum to 1; or
            of the second of two classes, `(rows,)` or `(rows, 1)`.
        num_bins: Number of bins of equal width.

    Returns:
        A float from 0 to 1.

    Raises:
        ValueError: If labels and probabilities do not fit each other, or rows
            do not sum to 1, as those of logits.

    Example:

    >>> from keras_transfer import explain
    >>> sure = [[0.9, 0.1], [0.9, 0.1]]
    >>> round(explain.expected_calibration_error([0, 1], sure), 6)
    0.4

    Reference:

    - [Guo, Pleiss, Sun & Weinberger, 2017, On Calibration of Modern Neural
      Networks, eq. 3](https://arxiv.org/abs/1706.04599)
    - [Naeini, Cooper & Hauskrecht, 2015, Obtaining Well Calibrated
      Probabilities Using Bayesian Binning](
      https://doi.org/10.1609/aaai.v29i1.9602)
    """
    bins = calibration_bins(labels, probabilities, num_bins)
    shares = bins.counts / bins.counts.sum()
    return float(np.nansum(shares * abs(bins.accuracy - bins.confidence)))
