"""Confusion matrices as pictures."""

import numpy as np

from keras_transfer.explain import figures
from keras_transfer.explain.confusion_matrix import confusion_matrix

_LARGEST_FONT, _SMALLEST_FONT = 9.0, 3.5
_POINTS_PER_INCH = 72


def confusion_matrices(
    predictions, class_names=None, normalize=True, axes=None
):
    """Draws which class is taken for which, one matrix for each title.

    Rows are true classes, columns predicted ones. A cell's number is its
    count of rows, and 0 is left out; its colour is the share of its row.

    Bad at: several hundred classes, whose cells are too small to be seen.

    Args:
        predictions: Dict from a title, as "target, adapted", to `(labels,
            probabilities)`, as for `confusion_matrix`.
        class_names: Names by class number, or `None`.
        normalize: Whether colours show shares of the true class, so that rare
            classes count as much as frequent ones, or else numbers of rows.
        axes: Optional list of matplotlib axes, one for each title.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If labels, predictions and names do not fit each other.

    Example:

    >>> from keras_transfer import explain
    >>> scores = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]
    >>> figure = explain.confusion_matrices({"target": ([0, 0, 1], scores)})
    >>> figure.axes[0].get_title(loc="left")
    'target, 66.7 % right'
    """
    num_classes = None if class_names is None else len(class_names)
    matrices = {
        title: confusion_matrix(labels, probabilities, num_classes)
        for title, (labels, probabilities) in predictions.items()
    }
    size = _inches(max(len(matrix) for matrix in matrices.values()))
    columns = len(matrices)
    figure, axes = figures.figure_of(
        axes, 1, columns, (size * columns + 0.8, size)
    )
    for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
        names = figures.class_labels(len(matrix), class_names)
        picture = _draw(axis, matrix, names, normalize)
        share = np.trace(matrix) / matrix.sum()
        axis.set_title(
            f"{title}, {100 * share:.1f} % right", loc="left", fontsize=10
        )
        if not normalize:
            figure.colorbar(picture, ax=axis, label="rows", shrink=0.8)
    if normalize:
        figure.colorbar(
            picture, ax=list(axes), label="share of the true class", shrink=0.8
        )
    return figure


def _inches(num_classes):
    """Side of a panel: large cells for few classes, smaller ones for many."""
    return 1.6 + num_classes * float(
        np.interp(num_classes, [2, 10, 40], [0.8, 0.34, 0.22])
    )


def _draw(axis, matrix, names, normalize):
    sums = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(sums, 1)
    values, top = (shares, 1.0) if normalize else (matrix, matrix.max())
    picture = axis.imshow(values, cmap=figures.shades(), vmin=0, vmax=top)
    cell = _POINTS_PER_INCH * _side(axis) / len(matrix)
    # A digit is about 0.6 of the font's size wide.
    digits = len(str(matrix.max()))
    font = min(_LARGEST_FONT, 0.85 * cell / (0.62 * max(digits, 2)))
    if font >= _SMALLEST_FONT:
        for row, column in np.argwhere(matrix):
            is_light = values[row, column] < 0.45 * top
            axis.text(
                column,
                row,
                matrix[row, column],
                ha="center",
                va="center",
                fontsize=font,
                color="black" if is_light else "white",
            )
    font = min(_LARGEST_FONT, 0.85 * cell)
    is_long = max(map(len, names)) * 0.62 * font > 0.9 * cell
    numbers = range(len(names))
    axis.set_xticks(numbers, names, rotation=90 * is_long, fontsize=font)
    axis.set_yticks(numbers, names, fontsize=font)
    axis.tick_params(length=2)
    axis.set_xlabel("predicted class")
    axis.set_ylabel("true class")
    return picture


def _side(axis):
    """Inches of the axis, about, as they are before the layout."""
    extent = axis.get_window_extent()
    return min(extent.width, extent.height) / axis.figure.dpi
