"""Two domains side by side: their images."""

import numpy as np

from keras_transfer.explain import figures


def domain_samples(source, target, columns=10, axes=None):
    """Draws images of both domains, one row each.

    Args:
        source: Images `(rows, height, width, 1 or 3)`, 0..255.
        target: Images of the same kind.
        columns: Number of images per domain.
        axes: Optional pair of matplotlib axes to draw into.

    Returns:
        The matplotlib figure.

    Example:

    >>> import numpy
    >>> from keras_transfer import explain
    >>> images = numpy.zeros((4, 8, 8, 3), "uint8")
    >>> figure = explain.domain_samples(images, images, columns=4)
    >>> len(figure.axes)
    2
    """
    figure, axes = figures.figure_of(
        axes, rows=2, columns=1, size=(columns, 2.4)
    )
    for axis, name, images in zip(
        axes, ("source", "target"), (source, target), strict=True
    ):
        strip = np.concatenate(list(np.asarray(images[:columns])), axis=1)
        axis.imshow(strip.astype("uint8").squeeze(), cmap="gray")
        axis.set_title(f"{name} images", loc="left", fontsize=10)
        axis.set_axis_off()
    return figure
