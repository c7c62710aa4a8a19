"""How much of a map lies where it should."""

import numpy as np

from keras_transfer._public import invalid_argument


def attribution_share(maps, masks):
    """Share of each map that lies inside of its mask.

    Formula:

        share = sum of map inside of the mask / sum of map

    the energy-based pointing game, here with any mask and not only a box. A
    map that is the same everywhere has the mask's share of the area: compare
    with `masks.mean(axis=(1, 2))`.

    Bad at: telling a blurred map that is right from a sharp one that is
    wrong by as much; it says nothing of where outside the rest lies.

    Args:
        maps: Array `(rows, height, width)`, nowhere negative, as `grad_cam`
            returns them.
        masks: Array of that shape; what is not zero is inside.

    Returns:
        Float32 `(rows,)` from 0 to 1; NaN for a map that is zero everywhere.

    Raises:
        ValueError: If the shapes differ or a map is negative or not finite.

    Example:

    >>> import numpy
    >>> from keras_transfer import explain
    >>> maps = numpy.array([[[3.0, 1.0], [0.0, 0.0]]])
    >>> explain.attribution_share(maps, [[[1, 0], [0, 0]]])
    array([0.75], dtype=float32)

    Reference:

    - [Wang et al., 2020, Score-CAM, section 4.3](
      https://arxiv.org/abs/1910.01279)
    """
    maps = np.asarray(maps, "float64")
    masks = np.asarray(masks) != 0
    if maps.ndim != 3 or maps.shape != masks.shape:
        raise invalid_argument(
            "masks",
            masks.shape,
            f"the shape of the maps, (rows, height, width), here {maps.shape}",
        )
    if not np.isfinite(maps).all() or (maps < 0).any():
        raise invalid_argument(
            "maps",
            [float(maps.min()), float(maps.max())],
            "finite values that are at least 0",
            "Of signed attributions take numpy.abs first.",
        )
    inside = np.where(masks, maps, 0.0).sum(axis=(1, 2))
    whole = maps.sum(axis=(1, 2))
    share = np.full(len(maps), np.nan)
    np.divide(inside, whole, out=share, where=whole > 0)
    return share.astype("float32")
