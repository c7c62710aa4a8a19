"""Weights by counting the target rows in the cell of each source row."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.weighting import inputs


def nearest_neighbour(
    source,
    target,
    *,
    smoothing=1.0,
    features_of=None,
    batch_size=32,
):
    """Weights by the number of target rows to which a source row is nearest.

    Formula, with V_i the cell of source row s_i: all points that are nearer
    to it than to any other source row:

        w_i = smoothing + number of target rows in V_i

    divided by the mean. Equal source rows share one cell, and its rows
    equally. A smoothing of 1 is Laplace's; 0 gives all rows without a target
    row the weight 0. Nothing has to be chosen: no width, no model.

    Bad at: accuracy. The counts are small whole numbers, so that single
    weights are rough, and only sums over many rows are near the truth. Bring
    the columns to one scale first.

    Args:
        source: Array `(n, ...)`, flattened after the first axis, or whatever
            `features_of` takes.
        target: The same for the target, `(m, ...)`.
        smoothing: What every row gets, in target rows, not negative.
        features_of: A Keras model or layer whose outputs stand for the rows.
        batch_size: Rows that it is given at a time.

    Returns:
        Float32 array `(n,)`, mean 1, for `fit(sample_weight=)`.

    Raises:
        ValueError: If rows are bad, or the smoothing is negative.
        TypeError: If a sparse matrix is given.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> source, target = np.array([[0.0], [1.0]]), np.array([[0.8], [0.9]])
    >>> weighting.nearest_neighbour(source, target)
    array([0.5, 1.5], dtype=float32)

    Reference:

    - [Loog, 2012, Nearest Neighbor-Based Importance Weighting, section 3](
      https://doi.org/10.1109/MLSP.2012.6349714)
    """
    from sklearn.neighbors import NearestNeighbors

    source, target = inputs.domain_rows(
        source, target, features_of, batch_size, least_rows=1
    )
    if not 0 <= smoothing < np.inf:
        raise invalid_argument("smoothing", smoothing, "a number of 0 or more")
    sites, site_of, repeats = np.unique(
        source, axis=0, return_inverse=True, return_counts=True
    )
    nearest = NearestNeighbors(n_neighbors=1).fit(sites)
    found = nearest.kneighbors(target, return_distance=False)[:, 0]
    counts = np.bincount(found, minlength=len(sites)) / repeats
    return inputs.unit_mean(smoothing + counts[site_of.ravel()])
