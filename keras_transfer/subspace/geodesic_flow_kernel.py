"""The geodesic flow kernel."""

import numpy as np
from scipy import linalg

from keras_transfer._public import checked_integer
from keras_transfer._public import public
from keras_transfer.subspace.affine_subspace_layer import AffineSubspaceLayer
from keras_transfer.subspace.principal_axes import principal_axes


@public("subspace")
class GeodesicFlowKernel(AffineSubspaceLayer):
    """Compares rows in all subspaces between the source's and the target's.

    Formula, with `Phi(t)` the geodesic from the principal axes of the source
    at t = 0 to those of the target at t = 1, and `m` a domain's mean:

        <z_i, z_j> = (x_i - m_i)^T G (x_j - m_j)
        G = integral of Phi(t) Phi(t)^T over t from 0 to 1 = W W^T
        z = (x - m) @ W

    Along the geodesic the i-th axis is `cos(t theta_i) a_i + sin(t theta_i)
    b_i`, with `theta` the principal angles, `a_i` the principal vectors of
    the source and `b_i` orthogonal to them, so that `G` has rank 2 *
    dimensions at most, and is never formed.

    Bad at: what principal axes are bad at, and speed: the outputs are twice
    as wide as the subspaces.

    Args:
        dimensions: Number of axes of each domain, 20 where nothing is known.
            Fewer than the smaller domain has rows.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`; only the mean differs.

    Output shape: `(rows, 2 * dimensions)`, in pairs: for an angle of zero the
    second of the pair is zero.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> generator = np.random.default_rng(0)
    >>> source = generator.normal(size=(50, 5)).astype("float32")
    >>> layer = kt.subspace.GeodesicFlowKernel(2)
    >>> layer.adapt(source, source[:, ::-1])
    >>> layer(source).shape
    TensorShape([50, 4])

    Note: the paper asks for fewer dimensions than half the columns, so that
    its complement of the source's axes is wide enough. Here angles of zero
    have no direction `b`, and no such limit is needed. The paper's `G` is
    twice this one.

    Reference:

    - [Gong et al., 2012, Geodesic Flow Kernel for Unsupervised Domain
      Adaptation, eq. 4-6](https://doi.org/10.1109/CVPR.2012.6247911)
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
        kernel = _flow_factor(source_axes, target_axes)
        return (
            (kernel, -source_mean @ kernel),
            (kernel, -target_mean @ kernel),
        )

    def get_config(self):
        return {**super().get_config(), "dimensions": self.dimensions}


def _flow_factor(source_axes, target_axes):
    """W with `W W^T` the integral, `(d, 2 * dimensions)`."""
    left, cosines, right = linalg.svd(
        source_axes.T @ target_axes, check_finite=False
    )
    starts = source_axes @ left
    rests = target_axes @ right.T
    rests = rests - source_axes @ (source_axes.T @ rests)
    sines = linalg.norm(rests, axis=0)
    # By both, because one of them alone is blunt at either end.
    angles = np.arctan2(sines, cosines)
    directions = rests / np.where(sines > 0, sines, 1.0)
    first, mixed, second = _flow_integrals(angles)
    # Cholesky factors of the two-by-two blocks.
    ahead = np.sqrt(first)
    across = mixed / ahead
    aside = np.sqrt(np.maximum(second - across**2, 0.0))
    pairs = np.stack([starts * ahead + directions * across, directions * aside])
    return pairs.transpose(1, 2, 0).reshape(len(starts), -1)


def _flow_integrals(angles):
    """Integrals of cos^2, cos * sin and sin^2 of `t * angle` over [0, 1]."""
    # numpy.sinc(x) is sin(pi x) / (pi x), and 1 at zero.
    first = (1.0 + np.sinc(2 * angles / np.pi)) / 2
    mixed = np.sin(angles) * np.sinc(angles / np.pi) / 2
    squares = angles**2
    # The difference of two ones has no digits left near zero.
    series = squares / 3 - squares**2 / 15 + 2 * squares**3 / 315
    second = np.where(angles < 0.03, series, 1.0 - first)
    return first, mixed, second
