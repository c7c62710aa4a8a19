"""Correlation alignment in closed form."""

import numpy as np
from scipy import linalg

from keras_transfer._public import public
from keras_transfer.subspace.affine_subspace_layer import AffineSubspaceLayer
from keras_transfer.subspace.arguments import positive_number


@public("subspace")
class Coral(AffineSubspaceLayer):
    """Gives the source the covariance of the target.

    Formula, with `C_s` and `C_t` the unbiased covariances and `r` the
    regularization:

        source: x @ (C_s + r I)^(-1/2) @ (C_t + r I)^(1/2)
        target: x

    The roots are the symmetric ones. Whoever serves the model pays nothing:
    the target's side is the identity.

    Bad at: shifts of the mean (take `match_means`, or scale columns by
    domain), shapes other than a Gaussian's, and more columns than rows, where
    the regularization says more than the data do.

    Args:
        regularization: Positive number added to all variances. 1 is the
            paper's, for columns of unit variance.
        match_means: Whether the source also gets the mean of the target. The
            paper does not move means.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`.

    Output shape: that of the inputs.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> generator = np.random.default_rng(0)
    >>> source = generator.normal(size=(500, 2)) * [1.0, 20.0]
    >>> target = generator.normal(size=(500, 2)) * [30.0, 10.0]
    >>> layer = kt.subspace.Coral()
    >>> layer.adapt(source, target)
    >>> aligned = layer(source, domain="source").numpy()
    >>> (aligned.std(axis=0) / target.std(axis=0)).round(1)
    array([0.7, 1. ])

    Reference:

    - [Sun, Feng & Saenko, 2016, Return of Frustratingly Easy Domain
      Adaptation, algorithm 1](https://arxiv.org/abs/1511.05547)
    """

    def __init__(self, regularization=1.0, match_means=False, **kwargs):
        positive_number("regularization", regularization)
        super().__init__(**kwargs)
        self.regularization = float(regularization)
        self.match_means = match_means

    def _fit_affine(self, source, target, source_labels):
        whitening = _root(source, self.regularization, -0.5)
        colouring = _root(target, self.regularization, 0.5)
        kernel = whitening @ colouring
        bias = np.zeros(kernel.shape[1])
        if self.match_means:
            bias = target.mean(axis=0) - source.mean(axis=0) @ kernel
        return (kernel, bias), None

    def get_config(self):
        return {
            **super().get_config(),
            "regularization": self.regularization,
            "match_means": self.match_means,
        }


def _root(rows, regularization, power):
    """`(C + r I)^power`, from the smaller of rows and columns."""
    centred = rows - rows.mean(axis=0)
    degrees = len(rows) - 1
    if centred.shape[0] < centred.shape[1]:
        _, singular, axes = linalg.svd(
            centred, full_matrices=False, check_finite=False
        )
        variances, axes = singular**2 / degrees, axes.T
    else:
        covariance = centred.T @ centred / degrees
        variances, axes = linalg.eigh(
            covariance, check_finite=False, driver="evd"
        )
        variances = np.maximum(variances, 0.0)
    # All other directions have variance zero, hence the same factor.
    common = regularization**power
    excess = (variances + regularization) ** power - common
    root = (axes * excess) @ axes.T
    root[np.diag_indices_from(root)] += common
    return root
