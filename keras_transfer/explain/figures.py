"""What all pictures share: colours, and figures without a window."""

#: Of Okabe and Ito, told apart by colour-blind readers.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")


def figure_of(axes, rows, columns, size):
    """The figure of the given axes, or a new one.

    Args:
        axes: Sequence of matplotlib axes, or `None`.
        rows: Of a new figure's grid.
        columns: Likewise.
        size: Inches, `(width, height)`.

    Returns:
        `(figure, axes)`, the axes in a flat sequence.
    """
    from matplotlib.figure import Figure

    if axes is not None:
        return axes[0].figure, axes
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).ravel()
