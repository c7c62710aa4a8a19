"""Density ratios by maximum likelihood: KLIEP."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer.weighting import inputs
from keras_transfer.weighting import ratio_settings
from keras_transfer.weighting.gaussian_kernel import gaussian_kernel

#: Mean kernel over the source, below which a centre has no source near it.
_LEAST_MEAN = 1e-200


def kliep(
    source,
    target,
    *,
    width=None,
    num_centers=100,
    folds=5,
    features_of=None,
    batch_size=32,
    seed=0,
):
    """Ratio of the densities of target and source, by maximum likelihood.

    Formula, with Gaussian kernels phi(x) of one width at centres drawn from
    the target:

        w(x) = phi(x)' a ~ p_t(x) / p_s(x)
        max over a >= 0 of sum_j log w(t_j)  with  mean_i w(s_i) = 1

    The width is the one of the largest mean of log w over target rows that
    were held out; nothing else has to be chosen.

    Note:
        Of widths whose means differ by less than their error, the widest is
        taken; the paper takes the largest mean.

    Bad at: many columns, and target rows that no source row is near: a width
    that leaves them without weight is never chosen, so that one such row
    makes all of the ratio coarse.

    Args:
        source: Array `(n, ...)`, flattened after the first axis, or whatever
            `features_of` takes.
        target: The same for the target, `(m, ...)`.
        width: Of the kernels; or several to choose from; by default 0.1 to 1
            times the median distance.
        num_centers: Largest number b of kernels. Memory is `(n + m) * b`.
        folds: Parts of the target that are held out in turn.
        features_of: A Keras model or layer whose outputs stand for the rows.
        batch_size: Rows that it is given at a time.
        seed: Decides centres and folds.

    Returns:
        Float32 array `(n,)`, mean 1, for `fit(sample_weight=)`.

    Raises:
        ValueError: If rows are bad, a setting is out of its range, or no
            source row is near the target at any width.
        TypeError: If a sparse matrix is given.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> source = np.linspace(0, 1, 101)[:, None]
    >>> weights = weighting.kliep(source, source[50:])
    >>> bool(weights[75] > 3 * weights[25])
    True

    Reference:

    - [Sugiyama et al., 2008, Direct Importance Estimation for Covariate
      Shift Adaptation, eq. 13 and figure 1](
      https://doi.org/10.1007/s10463-008-0197-x)
    """
    source, target = inputs.domain_rows(source, target, features_of, batch_size)
    checked_integer("num_centers", num_centers, least=1)
    checked_integer("folds", folds, least=2)
    centers = ratio_settings.centers_of(target, num_centers, seed)
    widths = ratio_settings.candidate_widths(width, source, target, seed)
    generator = np.random.default_rng(seed)
    parts = generator.permutation(len(target)) % min(folds, len(target))
    found = {w: _Kernels(source, target, centers, w) for w in widths}
    found = {w: kernels for w, kernels in found.items() if kernels.cover_target}
    if not found:
        raise ValueError(
            "Some target rows have no source row near them at any width. "
            f"Received: widths up to {max(widths):.4g}. Pass a larger `width`."
        )
    if len(found) > 1:
        losses = {w: k.held_out_losses(parts) for w, k in found.items()}
        best = found[ratio_settings.widest_of_the_best(losses)]
    else:
        (best,) = found.values()
    return inputs.unit_mean(best.source @ best.shares(best.target))


class _Kernels:
    """Kernels that are divided by their means over the source.

    Their combinations with shares that sum to one are all that the
    constraint allows: the problem is that of a mixture.
    """

    def __init__(self, source, target, centers, width):
        source = gaussian_kernel(source, centers, width)
        means = source.mean(axis=0)
        kept = means > _LEAST_MEAN
        target = gaussian_kernel(target, centers, width)
        self.source = source[:, kept] / means[kept]
        self.target = target[:, kept] / means[kept]

    @property
    def cover_target(self):
        """Whether every target row can have weight."""
        return bool((self.target.sum(axis=1) > 0).all())

    def shares(self, target):
        """Shares of the kernels of the largest likelihood of target rows.

        At the best multiple, sum(shares) is one: minimising it beside the
        likelihood makes the constraint a penalty that is exact.
        """
        from scipy.optimize import minimize

        # The factor of a row adds a constant to the loss, and keeps digits.
        target = target / target.max(axis=1, keepdims=True)

        def loss(shares):
            values = np.maximum(target @ shares, 1e-300)
            slope = 1.0 - target.T @ (1.0 / values) / len(target)
            return shares.sum() - np.log(values).mean(), slope

        columns = target.shape[1]
        found = minimize(
            loss,
            np.full(columns, 1.0 / columns),
            jac=True,
            bounds=[(0.0, None)] * columns,
            method="L-BFGS-B",
            options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-6},
        ).x
        return found / found.sum()

    def held_out_losses(self, parts):
        """-log w of each target row, of a fit that has not seen it."""
        losses = np.empty(len(parts))
        for part in np.unique(parts):
            shares = self.shares(self.target[parts != part])
            with np.errstate(divide="ignore"):
                losses[parts == part] = -np.log(
                    self.target[parts == part] @ shares
                )
        return losses
