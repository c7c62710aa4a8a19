"""Accuracy over confidence."""

import numpy as np

from keras_transfer.explain import figures
from keras_transfer.explain.expected_calibration_error import calibration_bins


def reliability_diagram(predictions, num_bins=10, axes=None):
    """Draws accuracy over confidence, with the share of rows behind.

    Rows are sorted into bins by the probability of their predicted class. A
    point below the diagonal is of a bin in which the model is too sure. The
    title holds the expected calibration error, the mean length of the
    vertical lines by the rows of the bins.

    Bad at: bins of few rows, whose points lie off the diagonal by chance; the
    grey bars show which those are.

    Args:
        predictions: Dict from a title to `(labels, probabilities)`, as for
            `expected_calibration_error`.
        num_bins: Number of bins of equal width.
        axes: Optional list of matplotlib axes, one for each title.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If labels and probabilities do not fit each other.

    Example:

    >>> from keras_transfer import explain
    >>> sure = [[0.9, 0.1], [0.9, 0.1]]
    >>> figure = explain.reliability_diagram({"target": ([0, 1], sure)})
    >>> figure.axes[0].get_title(loc="left")
    'target, calibration error 0.400'

    Reference:

    - [Guo, Pleiss, Sun & Weinberger, 2017, On Calibration of Modern Neural
      Networks, figure 1](https://arxiv.org/abs/1706.04599)
    """
    columns = len(predictions)
    figure, axes = figures.figure_of(axes, 1, columns, (4.2 * columns, 4.7))
    for axis, (title, (labels, probabilities)) in zip(
        axes, predictions.items(), strict=True
    ):
        _draw(axis, calibration_bins(labels, probabilities, num_bins), title)
    return figure


def _draw(axis, bins, title):
    shares = bins.counts / bins.counts.sum()
    error = np.nansum(shares * abs(bins.accuracy - bins.confidence))
    axis.bar(
        bins.edges[:-1],
        shares,
        width=np.diff(bins.edges),
        align="edge",
        color="#D9D9D9",
        edgecolor="white",
        label="share of rows",
    )
    axis.plot([0, 1], [0, 1], "--", color=figures.GREY, label="calibrated")
    axis.vlines(
        bins.confidence,
        bins.accuracy,
        bins.confidence,
        color=figures.COLORS[4],
        linewidth=1.5,
        label="error",
    )
    found = bins.counts > 0
    axis.plot(
        bins.confidence[found],
        bins.accuracy[found],
        marker="o",
        markersize=5,
        color=figures.COLORS[0],
        label="accuracy",
    )
    axis.set_title(
        f"{title}, calibration error {error:.3f}", loc="left", fontsize=10
    )
    _describe(axis)


def _describe(axis):
    # Room for the last tick's label.
    axis.set_xlim(0, 1.04)
    axis.set_ylim(0, 1.04)
    axis.set_box_aspect(1)
    axis.set_xlabel("confidence (probability of the predicted class)")
    axis.set_ylabel("accuracy, share of rows")
    # Below: the points may lie anywhere.
    axis.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=2,
        fontsize=8,
        frameon=False,
        handlelength=1.5,
        columnspacing=1.0,
    )
