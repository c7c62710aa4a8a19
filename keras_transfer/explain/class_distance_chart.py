"""Distances of the domains, class by class, as a picture."""

import numpy as np

from keras_transfer.explain import figures

_MARKERS = "o^sDvP"


def class_distance_chart(distances, class_names=None, axes=None):
    """Draws what `class_distances` gives, one line for each class.

    A class has one marker for each title, joined by a line, so that one sees
    which classes came nearer; a NaN has none.

    Bad at: many titles, whose markers hide each other.

    Args:
        distances: Dict from a title, as "before", to distances
            `(num_classes,)`.
        class_names: Names by class number, or `None`.
        axes: Optional list of one matplotlib axis.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If the numbers of classes differ, or there are too few
            names.

    Example:

    >>> from keras_transfer import explain
    >>> figure = explain.class_distance_chart(
    ...     {"before": [2.0, 1.5], "after": [0.5, 0.7]}, ["cat", "dog"]
    ... )
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['cat', 'dog']
    """
    values = np.asarray([np.asarray(d, float) for d in distances.values()])
    names = figures.class_labels(values.shape[1], class_names)
    rows = np.arange(len(names))
    figure, (axis,) = figures.figure_of(axes, 1, 1, (6, 1.2 + 0.3 * len(names)))
    if len(values) > 1:
        known = ~np.isnan(values).all(axis=0)
        axis.hlines(
            rows[known],
            np.nanmin(values[:, known], axis=0),
            np.nanmax(values[:, known], axis=0),
            color=figures.GREY,
            linewidth=1,
            zorder=1,
        )
    for number, (title, found) in enumerate(
        zip(distances, values, strict=True)
    ):
        axis.scatter(
            found,
            rows,
            s=34,
            color=figures.COLORS[number % len(figures.COLORS)],
            marker=_MARKERS[number % len(_MARKERS)],
            label=title,
            zorder=2,
        )
    axis.set_yticks(rows, names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.set_ylabel("class")
    axis.set_xlabel("distance of the domains' means (within-class spreads)")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="best", fontsize=8)
    return figure
