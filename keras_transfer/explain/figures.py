"""What all pictures share: colours, and figures without a window."""

#: Of Okabe and Ito, told apart by colour-blind readers.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")

#: For what has no class or no weight.
GREY = "#7F7F7F"

_DARKER = 0.55


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
    # Inches: less cuts the last tick's label.
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    return figure, figure.subplots(rows, columns, squeeze=False).ravel()


def shades():
    """A colour map from white to dark blue, for shares and counts.

    Its lightness (CIE L*) falls from 100 to 19 in a straight line, so that
    equal steps look equal, in print without colours too.

    Returns:
        A matplotlib colour map.
    """
    from matplotlib.colors import LinearSegmentedColormap

    # The middle has a lightness of 46.
    points = [(0.0, "#FFFFFF"), (0.667, COLORS[0]), (1.0, "#00304F")]
    return LinearSegmentedColormap.from_list("keras_transfer_blues", points)


def class_color(number):
    """The colour of a class: `COLORS`, then darker ones of the same hues.

    They repeat after twelve, so that a picture of classes names them too.

    Args:
        number: Number of the class, from 0 on.

    Returns:
        A triple of red, green and blue from 0 to 1.
    """
    from matplotlib.colors import to_rgb

    color = to_rgb(COLORS[number % len(COLORS)])
    is_second = number // len(COLORS) % 2
    return tuple(c * _DARKER for c in color) if is_second else color


def class_labels(num_classes, class_names=None):
    """Names of the classes, or their numbers.

    Args:
        num_classes: How many.
        class_names: Sequence of names by number, or `None`.

    Returns:
        A list of strings.

    Raises:
        ValueError: If there are fewer names than classes.
    """
    if class_names is None:
        return [str(number) for number in range(num_classes)]
    if len(class_names) < num_classes:
        raise ValueError(
            f"`class_names` has {len(class_names)} names for {num_classes} "
            "classes. Give one for each, by the number of the class."
        )
    return [str(name) for name in class_names[:num_classes]]
