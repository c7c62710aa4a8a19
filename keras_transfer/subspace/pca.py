"""The baseline: leading directions of both domains together."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer._public import public
from keras_transfer.subspace.affine_subspace_layer import AffineSubspaceLayer
from keras_transfer.subspace.principal_axes import principal_axes


@public("subspace")
class PCA(AffineSubspaceLayer):
    """Projects both domains on the principal axes of all rows.

    Formula, with `m` the mean of the rows of both domains and `P` the leading
    eigenvectors of their covariance:

        (x - m) @ P

    A baseline: no step of it asks which domain a row is from.

    Bad at: telling what differs between the domains from what varies within
    them; a large shift of the mean becomes the first axis.

    Args:
        dimensions: Number of axes.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`; the map is the same.

    Output shape: `(rows, dimensions)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> layer = kt.subspace.PCA(1)
    >>> layer.adapt(np.array([[0.0, 0], [2, 2]]), np.array([[4.0, 4], [6, 6]]))
    >>> layer(np.array([[3.0, 3], [4, 4]])).numpy().round(3)
    array([[0.   ],
           [1.414]], dtype=float32)

    Reference:

    - [Jolliffe, 2002, Principal Component Analysis, chapter
      1](https://doi.org/10.1007/b98835)
    """

    def __init__(self, dimensions=20, **kwargs):
        checked_integer("dimensions", dimensions, least=1)
        super().__init__(**kwargs)
        self.dimensions = int(dimensions)

    def _fit_affine(self, source, target, source_labels):
        rows = np.concatenate([source, target])
        mean, _, axes = principal_axes(rows, self.dimensions, "two domains")
        both = (axes, -mean @ axes)
        return both, both

    def get_config(self):
        return {**super().get_config(), "dimensions": self.dimensions}
