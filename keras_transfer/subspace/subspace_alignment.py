"""Subspace alignment."""

from keras_transfer._public import checked_integer
from keras_transfer._public import public
from keras_transfer.subspace.affine_subspace_layer import AffineSubspaceLayer
from keras_transfer.subspace.principal_axes import principal_axes


@public("subspace")
class SubspaceAlignment(AffineSubspaceLayer):
    """Turns the principal axes of the source towards those of the target.

    Formula, with `m` a domain's mean and `P` its leading principal axes:

        source: (x - m_s) @ P_s @ P_s^T @ P_t
        target: (x - m_t) @ P_t

    Bad at: domains whose variances differ, since axes are turned and not
    scaled, and classes that lie along small variances.

    Args:
        dimensions: Number of axes of each domain, 20 where nothing is known.
            Fewer than the smaller domain has rows.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`.

    Output shape: `(rows, dimensions)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> generator = np.random.default_rng(0)
    >>> source = generator.normal(size=(50, 5)).astype("float32")
    >>> layer = kt.subspace.SubspaceAlignment(2)
    >>> layer.adapt(source, source[:, ::-1])
    >>> layer(source, domain="source").shape, layer(source).shape
    (TensorShape([50, 2]), TensorShape([50, 2]))

    Note: the paper takes z-scored columns, of which the means are zero;
    otherwise the mean of each domain is subtracted, as its principal
    components want it.

    Reference:

    - [Fernando et al., 2013, Unsupervised Visual Domain Adaptation Using
      Subspace Alignment, algorithm
      1](https://doi.org/10.1109/ICCV.2013.368)
    """

    def __init__(self, dimensions=20, **kwargs):
        checked_integer("dimensions", dimensions, least=1)
        super().__init__(**kwargs)
        self.dimensions = int(dimensions)

    def _fit_affine(self, source, target, source_labels):
        source_mean, _, source_axes = principal_axes(
            source, self.dimensions, "source"
        )
        target_mean, _, target_axes = principal_axes(
            target, self.dimensions, "target"
        )
        aligned = source_axes @ (source_axes.T @ target_axes)
        return (
            (aligned, -source_mean @ aligned),
            (target_axes, -target_mean @ target_axes),
        )

    def get_config(self):
        return {**super().get_config(), "dimensions": self.dimensions}
