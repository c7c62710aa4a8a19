"""Images, and what was seen in them by one model or by several."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.explain import figures

#: Perceptually uniform, told apart by colour-blind readers, and no grey in it.
_COLOR_MAP = "viridis"


def attribution_pictures(images, maps, titles=None, axes=None):
    """Draws images and, beside each, maps of where a class is seen.

    A line is an image, a column a map: maps of the same images before and
    after adaptation stand side by side.

    Args:
        images: Array `(rows, height, width, 1 or 3)` or `(rows, height,
            width)`; integers 0..255, or floats 0..255 or 0..1.
        maps: Dict from a title to an array `(rows, height, width)` from 0 to
            1, as `grad_cam` returns it.
        titles: Optional list of a short text for each image.
        axes: Optional list of matplotlib axes, line by line, `rows * (1 +
            number of maps)` of them.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If images, maps and titles do not belong together.

    Example:

    >>> import numpy
    >>> from keras_transfer import explain
    >>> images = numpy.zeros((2, 8, 8, 3), "uint8")
    >>> before, after = numpy.zeros((2, 8, 8)), numpy.ones((2, 8, 8))
    >>> figure = explain.attribution_pictures(
    ...     images, {"before": before, "after": after})
    >>> [axis.get_title() for axis in figure.axes[:3]]
    ['image', 'before', 'after']
    """
    pictures = _pictures(images)
    maps = {title: np.asarray(values) for title, values in maps.items()}
    _check(pictures, maps, titles)
    rows, columns = len(pictures), 1 + len(maps)
    is_new = axes is None
    figure, axes = figures.figure_of(
        axes, rows, columns, (1.7 * columns + 0.9, 1.65 * rows + 0.5)
    )
    grid = np.asarray(axes, object).reshape(rows, columns)
    for row, line in enumerate(grid):
        line[0].imshow(pictures[row])
        for axis, values in zip(line[1:], maps.values(), strict=True):
            # Grey below, so that all colour is attribution.
            axis.imshow(
                pictures[row].mean(axis=-1), cmap="gray", vmax=1, vmin=0
            )
            drawn = axis.imshow(
                values[row], cmap=_COLOR_MAP, alpha=0.6, vmin=0, vmax=1
            )
        if titles is not None:
            line[0].set_ylabel(titles[row], fontsize=9)
    for axis, title in zip(grid[0], ["image", *maps], strict=True):
        axis.set_title(title, fontsize=10)
    for axis in grid.flat:
        axis.set(xticks=[], yticks=[])
    if is_new and maps:
        bar = figure.colorbar(drawn, ax=list(grid.flat), shrink=0.8, aspect=30)
        bar.set_label("attribution (share of the largest)", fontsize=9)
    return figure


def _pictures(images):
    """Floats 0..1, `(rows, height, width, 3)`."""
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise invalid_argument(
            "images", images.shape, "shape (rows, height, width, 1 or 3)"
        )
    whole = images.dtype.kind in "iu" or images.max() > 1
    values = images.astype("float64") / (255.0 if whole else 1.0)
    return np.clip(np.broadcast_to(values, (*values.shape[:3], 3)), 0.0, 1.0)


def _check(pictures, maps, titles):
    for title, values in maps.items():
        if values.shape != pictures.shape[:3]:
            raise invalid_argument(
                f"maps[{title!r}]",
                values.shape,
                f"the rows, height and width of the images, "
                f"{pictures.shape[:3]}",
            )
    if titles is not None and len(titles) != len(pictures):
        raise invalid_argument(
            "titles", titles, f"a text for each of the {len(pictures)} images"
        )
