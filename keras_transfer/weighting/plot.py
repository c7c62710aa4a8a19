"""A picture of weights."""

import numpy as np

from keras_transfer.weighting import inputs
from keras_transfer.weighting.effective_sample_size import effective_sample_size

#: Of Okabe and Ito, told apart by colour-blind readers.
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
_BINS = 30


def plot(weights, axes=None):
    """Draws how weights are spread, and how few rows have most of them.

    Left, a histogram of the weights, in units of the mean. Right, the share
    of all weight that the heaviest rows have: the diagonal for equal weights,
    a corner where a few rows have all.

    Bad at: more than six sets of weights, whose colours repeat.

    Args:
        weights: Array `(n,)`, not negative, or a dict of several by title.
        axes: Optional pair of matplotlib axes.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If weights are negative, not finite or all zero.

    Example:

    >>> from keras_transfer import weighting
    >>> figure = weighting.plot({"KMM": [1.0, 2.0, 0.0], "equal": [1.0, 1.0]})
    >>> [text.get_text() for text in figure.axes[1].get_legend().texts]
    ['KMM, 1.8 of 3 rows effective', 'equal, 2.0 of 2 rows effective']
    """
    from matplotlib.figure import Figure

    if not isinstance(weights, dict):
        weights = {"weights": weights}
    weights = {
        title: inputs.checked_weights(given, title)
        for title, given in weights.items()
    }
    if axes is None:
        figure = Figure(figsize=(9.6, 3.6), layout="constrained")
        axes = figure.subplots(1, 2)
    largest = max(w.max() / w.mean() for w in weights.values())
    edges = np.linspace(0.0, largest, _BINS + 1)
    for number, (title, given) in enumerate(weights.items()):
        color = _COLORS[number % len(_COLORS)]
        # Rows as shares, since several sets may differ in size.
        each = np.full(len(given), 1 / len(given))
        axes[0].hist(
            given / given.mean(),
            edges,
            weights=each,
            histtype="step",
            color=color,
            label=title,
        )
        shares = np.append(0.0, np.cumsum(np.sort(given)[::-1]) / given.sum())
        effective = effective_sample_size(given)
        axes[1].plot(
            np.linspace(0.0, 1.0, len(shares)),
            shares,
            color=color,
            label=f"{title}, {effective:.1f} of {len(given)} rows effective",
        )
    axes[0].set(xlabel="weight / mean", ylabel="share of the rows")
    axes[0].set_yscale("log")
    axes[1].set(xlabel="heaviest rows", ylabel="share of all weight")
    axes[1].legend(loc="lower right", fontsize=8)
    return axes[0].figure
