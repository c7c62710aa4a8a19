"""Which columns of a table spoke for a class, and which against it."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.explain import figures

AGAINST, IN_FAVOUR = figures.COLORS[0], figures.COLORS[4]


def feature_chart(names, attributions, most=20, axes=None):
    """Draws the attributions of columns as bars, the largest at the top.

    Of several rows a bar is the mean, and each row is a point beside it; the
    order is that of the mean of the absolute values, as signs may cancel.

    Args:
        names: List of the names of the columns.
        attributions: Array `(columns,)` of one row or `(rows, columns)`, as
            `integrated_gradients` returns it.
        most: Largest number of bars.
        axes: Optional list of one matplotlib axes.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If there is not one name for each column.

    Example:

    >>> from keras_transfer import explain
    >>> figure = explain.feature_chart(["age", "sum"], [0.2, -1.5])
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['sum', 'age']
    """
    values = np.atleast_2d(np.asarray(attributions, "float64"))
    names = [str(name) for name in names]
    if values.ndim != 2 or values.shape[1] != len(names) or not len(names):
        raise invalid_argument(
            "attributions",
            np.shape(attributions),
            f"a number for each of the {len(names)} names, or rows of them",
        )
    if not isinstance(most, int) or most < 1:
        raise invalid_argument("most", most, "a positive integer")
    order = np.argsort(-np.abs(values).mean(axis=0), kind="stable")[:most]
    places = np.arange(len(order))
    means = values[:, order].mean(axis=0)
    figure, (axis,) = figures.figure_of(
        axes, 1, 1, (6.4, 0.9 + 0.28 * len(order))
    )
    colors = [IN_FAVOUR if mean > 0 else AGAINST for mean in means]
    axis.barh(places, means, color=colors)
    if len(values) > 1:
        rows = np.repeat(places[None], len(values), axis=0)
        axis.scatter(values[:, order], rows, s=8, c="black", alpha=0.35)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(places, [names[column] for column in order], fontsize=9)
    axis.invert_yaxis()
    axis.set_xlabel("attribution (logit; right speaks for the class)")
    return figure
