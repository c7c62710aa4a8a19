"""The optimal transport map between two Gaussians."""

import numpy as np
from scipy import linalg

from keras_transfer._public import public
from keras_transfer.subspace.affine_subspace_layer import AffineSubspaceLayer
from keras_transfer.subspace.arguments import positive_number


@public("subspace")
class LinearMonge(AffineSubspaceLayer):
    """Gives the source the mean and covariance of the target, moving least.

    Formula, with `m` the means, `C` the biased covariances of the domains and
    `r` the regularization, which is added to the diagonals of both:

        A = C_s^(-1/2) @ (C_s^(1/2) @ C_t @ C_s^(1/2))^(1/2) @ C_s^(-1/2)
        source: m_t + (x - m_s) @ A
        target: x

    Of all affine maps with `A @ C_s @ A = C_t` this one moves the rows by the
    least mean square: `A` is symmetric and positive definite. For Gaussian
    domains it is the optimal transport. `Coral` gives the same covariance by
    another map.

    Bad at: domains that are not near to Gaussian, classes in other shares
    than in the source (the means and covariances then differ for that reason
    and are matched all the same), and columns without variance in the source
    that vary in the target, or more columns than rows: the map stretches such
    directions by up to `(C_t / r)^(1/2)`. Raise the regularization there.

    Args:
        regularization: Positive number added to all variances.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`.

    Output shape: that of the inputs.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> source = np.array([[0.0], [2.0]])
    >>> layer = kt.subspace.LinearMonge()
    >>> layer.adapt(source, np.array([[10.0], [16.0]]))
    >>> layer(source, domain="source").numpy().round(3)
    array([[10.],
           [16.]], dtype=float32)

    Reference:

    - [Flamary, Lounici & Ferrari, 2019, Concentration bounds for linear Monge
      mapping estimation and optimal transport domain adaptation, section
      2](https://arxiv.org/abs/1905.10155)
    """

    def __init__(self, regularization=1e-6, **kwargs):
        positive_number("regularization", regularization)
        super().__init__(**kwargs)
        self.regularization = float(regularization)

    def _fit_affine(self, source, target, source_labels):
        source_mean, source_covariance = self._moments(source)
        target_mean, target_covariance = self._moments(target)
        root, inverse = _roots(source_covariance)
        middle, _ = _roots(root @ target_covariance @ root)
        kernel = inverse @ middle @ inverse
        return (kernel, target_mean - source_mean @ kernel), None

    def _moments(self, rows):
        mean = rows.mean(axis=0)
        centred = rows - mean
        covariance = centred.T @ centred / len(rows)
        covariance[np.diag_indices_from(covariance)] += self.regularization
        return mean, covariance

    def get_config(self):
        return {
            **super().get_config(),
            "regularization": self.regularization,
        }


def _roots(matrix):
    """Square root of a symmetric matrix, and the inverse of it."""
    values, vectors = linalg.eigh(matrix, check_finite=False, driver="evd")
    # Below this it is rounding, whose sign is chance.
    least = np.finfo("float64").eps * len(values) * values[-1]
    roots = np.sqrt(np.maximum(values, least))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T
