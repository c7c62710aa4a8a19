"""Transfer component analysis."""

import numpy as np

from keras_transfer._public import public
from keras_transfer.subspace.component_layer import ComponentLayer
from keras_transfer.subspace.transfer_components import transfer_components


@public("subspace")
class TransferComponentAnalysis(ComponentLayer):
    """Components of much variance in which the domains' means agree.

    Formula, with `K` the kernel matrix of all rows, `L` that of the maximum
    mean discrepancy, `H` the centring matrix and `r` the regularization:

        (K L K + r I)^(-1) K H K W = W diag(eta), largest eta first
        z = k(x, X) W

    `K L K` has rank one, and a linear kernel the rank of the rows, so that
    nothing but a symmetric problem of the smaller side is solved.

    Bad at: domains whose means agree already, where it is a PCA that prefers
    the leading axes even more, and, with the Gaussian kernel, size: it holds
    a few matrices of all rows by all rows, and serving takes all rows.

    Args:
        dimensions: Number of components, 20 where nothing is known.
        kernel: `"linear"`, `"gaussian"`, or `"primal"`, which is linear too
            but keeps small the map itself instead of `W`, as Long et al. do.
        bandwidth: Of the Gaussian kernel `exp(-d^2 / (2 bandwidth^2))`;
            `None` is the median distance between rows of both domains.
        regularization: Positive number; the paper's mu.
        whiten: Whether components are scaled to equal variance, as the
            paper's constraint `W^T K H K W = I` reads, which makes noise of
            the last ones as loud as the first.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`; the map is the same.

    Output shape: `(rows, dimensions)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> generator = np.random.default_rng(0)
    >>> source = generator.normal(size=(200, 3)) * [3.0, 2.0, 1.0]
    >>> layer = kt.subspace.TransferComponentAnalysis(2, regularization=1e-3)
    >>> layer.adapt(source, source + [100.0, 0.0, 0.0])
    >>> outputs = layer(source) - layer(source + [100.0, 0.0, 0.0])
    >>> bool(abs(outputs).numpy().max() < 0.1)
    True

    Note: without `whiten`, columns have `W^T (K L K + r I) W = I`, with which
    the published tables of 1-nearest-neighbour are reached.

    Reference:

    - [Pan et al., 2011, Domain Adaptation via Transfer Component Analysis,
      section III](https://doi.org/10.1109/TNN.2010.2091281)
    """

    def __init__(
        self,
        dimensions=20,
        kernel="linear",
        bandwidth=None,
        regularization=1.0,
        whiten=False,
        **kwargs,
    ):
        super().__init__(
            dimensions, kernel, bandwidth, regularization, whiten, **kwargs
        )

    def _components(self, features, num_source, source_labels):
        centred = features - features.mean(axis=0)
        difference = features[:num_source].mean(axis=0)
        difference = difference - features[num_source:].mean(axis=0)
        return transfer_components(
            centred.T @ centred,
            difference[:, np.newaxis],
            self.regularization,
            self.dimensions,
        )
