"""Which words spoke for a class, and which against it."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.explain import figures

_LINE = 72  # characters
_FONT = 10.0  # points; a letter of the fixed-width font is 0.602 of that wide
_WIDTH = _LINE * 0.602 * _FONT / 72.0  # inches


def token_chart(tokens, attributions, axes=None):
    """Writes a text with each token on the colour of its attribution.

    Orange speaks for the class, blue against it, white for neither; the
    deepest colour is the largest absolute value. The sign is in the colour
    bar too.

    Args:
        tokens: List of texts, in reading order.
        attributions: Array `(tokens,)`, as a row of what
            `integrated_gradients` returns.
        axes: Optional list of one matplotlib axes.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If there is not one number for each token.

    Example:

    >>> from keras_transfer import explain
    >>> figure = explain.token_chart(["not", "bad"], [0.5, -0.2])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['not', 'bad']
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.colors import Normalize

    tokens = [str(token) for token in tokens]
    values = np.asarray(attributions, "float64")
    if values.shape != (len(tokens),) or not tokens:
        raise invalid_argument(
            "attributions",
            values.shape,
            f"a number for each of the {len(tokens)} tokens",
        )
    places = _places(tokens)
    lines = places[-1][0] + 1
    figure, (axis,) = figures.figure_of(
        axes, 1, 1, (_WIDTH + 0.3, 0.26 * lines + 0.9)
    )
    largest = np.abs(values).max() or 1.0
    colors = ScalarMappable(
        Normalize(-largest, largest),
        LinearSegmentedColormap.from_list(
            "attribution", [figures.COLORS[5], "white", figures.COLORS[1]]
        ),
    )
    for token, value, place in zip(tokens, values, places, strict=True):
        _write(axis, token, place, colors.to_rgba(value))
    axis.set(xlim=(-0.5, _LINE + 0.5), ylim=(lines - 0.4, -0.6))
    axis.set_axis_off()
    bar = figure.colorbar(
        colors, ax=axis, location="bottom", aspect=50, fraction=0.15, pad=0.02
    )
    bar.set_label("attribution (logit)", fontsize=9)
    return figure


def _places(tokens):
    """Line and column of each token; a long one has a line of its own."""
    places = []
    line, column = 0, 0
    for token in tokens:
        if column and column + len(token) > _LINE:
            line, column = line + 1, 0
        places.append((line, column))
        column += len(token) + 1
    return places


def _write(axis, token, place, color):
    from matplotlib.patches import Rectangle

    line, start = place
    corner = (start - 0.4, line - 0.45)
    axis.add_patch(Rectangle(corner, len(token) + 0.8, 0.9, facecolor=color))
    axis.text(
        start,
        line,
        token,
        family="monospace",
        fontsize=_FONT,
        verticalalignment="center",
        parse_math=False,
    )
