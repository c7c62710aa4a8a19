"""Figures as files."""

import pathlib

from keras_transfer import _files

_SUFFIXES = (".png", ".svg")


def save_figure(figure, path, dpi=150):
    """Writes a figure as PNG and as SVG.

    Both are written whole or not at all. Text in the SVG stays text: it can
    be searched and copied, and is drawn in the reader's fonts. The files hold
    no date, so that the same figure gives the same bytes.

    Args:
        figure: A matplotlib figure.
        path: Where they go, in a folder that exists; `.png` or `.svg` at its
            end is taken off, and each file gets its own.
        dpi: Pixels per inch of the PNG.

    Returns:
        Pair of `pathlib.Path`, the PNG and the SVG.

    Example:

    >>> import keras_transfer as kt
    >>> figure = kt.explain.learning_curves({"run": {"loss": [2.0, 1.0]}})
    >>> [path.name for path in kt.explain.save_figure(figure, "curves")]
    ['curves.png', 'curves.svg']
    """
    from matplotlib import rc_context

    path = pathlib.Path(path)
    stem = path.stem if path.suffix.lower() in _SUFFIXES else path.name
    png, svg = (path.with_name(stem + suffix) for suffix in _SUFFIXES)
    with _files.written_whole(png) as partial:
        figure.savefig(partial, dpi=dpi, metadata={"Software": None})
    # Ids in an SVG come from the salt.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "keras_transfer"}
    with rc_context(settings), _files.written_whole(svg) as partial:
        figure.savefig(partial, metadata={"Date": None, "Creator": None})
    return png, svg
