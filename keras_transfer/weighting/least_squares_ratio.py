"""Density ratios by least squares, with the leave-one-out score."""

import dataclasses

import numpy as np

from keras_transfer.weighting import ratio_settings
from keras_transfer.weighting.gaussian_kernel import gaussian_kernel

#: Rows that are left out, one pair at a time: its cost is that of a fit.
_MOST_LEFT_OUT = 2000


@dataclasses.dataclass(frozen=True)
class Basis:
    """Kernels of both domains at the centres.

    Args:
        source: Float64 array `(n, b)`.
        target: Float64 array `(m, b)`.
    """

    source: np.ndarray
    target: np.ndarray

    @classmethod
    def of(cls, source, target, centers, width):
        """Gaussian kernels of one width."""
        return cls(
            gaussian_kernel(source, centers, width),
            gaussian_kernel(target, centers, width),
        )

    def moments(self, mixture):
        """H `(b, b)` and h `(b,)`, as `rulsif` names them."""
        of_source = self.source.T @ self.source / len(self.source)
        of_target = self.target.T @ self.target / len(self.target)
        matrix = mixture * of_target + (1 - mixture) * of_source
        return matrix, self.target.mean(axis=0)


def coefficients(basis, ridge, mixture):
    """Solution of (H + ridge I) a = h, cut off below at zero.

    Args:
        basis: A `Basis`.
        ridge: Positive number.
        mixture: Share of the target in the denominator.

    Returns:
        Float64 array `(b,)`.
    """
    from scipy.linalg import solve

    matrix, means = basis.moments(mixture)
    matrix[np.diag_indices_from(matrix)] += ridge
    return np.maximum(solve(matrix, means, assume_a="pos"), 0.0)


def left_out_losses(basis, ridge, mixture):
    """Errors on rows that a fit has not seen, less a constant.

    Formula, where w_i is fitted without source row s_i and target row t_i,
    for i up to k, the number of rows of the smaller domain:

        J_i = (1 - mixture) / 2 * w_i(s_i)^2 + mixture / 2 * w_i(t_i)^2
              - w_i(t_i)

    Leaving out a pair changes H by two rows' squares, so that all solutions
    follow from one, by Woodbury's rule.

    Args:
        basis: A `Basis`.
        ridge: Positive number.
        mixture: Share of the target in the denominator.

    Returns:
        Float64 array `(k,)`; the lower, the better.
    """
    from scipy.linalg import cho_factor
    from scipy.linalg import cho_solve

    n, m = len(basis.source), len(basis.target)
    pairs = min(n, m, _MOST_LEFT_OUT)
    of_source, of_target = basis.source[:pairs], basis.target[:pairs]
    matrix = (1 - mixture) / (n - 1) * (basis.source.T @ basis.source)
    matrix += mixture / (m - 1) * (basis.target.T @ basis.target)
    matrix[np.diag_indices_from(matrix)] += ridge
    decomposed = cho_factor(matrix, lower=True)
    # One right-hand side for each pair: h without its target row.
    right = (basis.target.sum(axis=0) - of_target) / (m - 1)
    plain = cho_solve(decomposed, right.T).T
    sides = (
        np.sqrt((1 - mixture) / (n - 1)) * of_source,
        np.sqrt(mixture / (m - 1)) * of_target,
    )
    solved = [cho_solve(decomposed, side.T).T for side in sides]
    found = np.maximum(plain + _correction(sides, solved, plain), 0.0)
    on_source = np.einsum("ij,ij->i", found, of_source)
    on_target = np.einsum("ij,ij->i", found, of_target)
    squares = (1 - mixture) * on_source**2 + mixture * on_target**2
    return 0.5 * squares - on_target


def _correction(sides, solved, plain):
    """What Woodbury's rule adds for two columns, for each pair of rows."""
    # The 2 by 2 matrix I - U' B^-1 U, and U' B^-1 h, for each pair.
    inner = np.stack(
        [
            np.stack([(u * v).sum(axis=1) for v in solved], axis=1)
            for u in sides
        ],
        axis=1,
    )
    right = np.stack([(u * plain).sum(axis=1) for u in sides], axis=1)
    shares = np.linalg.solve(np.eye(2) - inner, right[..., None])
    return shares[:, 0] * solved[0] + shares[:, 1] * solved[1]


def best_setting(source, target, centers, widths, ridges, mixture):
    """The widest kernel, and its ridge, of the lowest left-out losses.

    Args:
        source: Float64 array `(n, d)`.
        target: Float64 array `(m, d)`.
        centers: Float64 array `(b, d)`.
        widths: Widths to choose from.
        ridges: Ridges to choose from.
        mixture: Share of the target in the denominator.

    Returns:
        Pair of a width and a ridge.
    """
    if len(widths) == len(ridges) == 1:
        return widths[0], ridges[0]
    # Rows have an order that may mean something.
    generator = np.random.default_rng(0)
    source = generator.permutation(source)
    target = generator.permutation(target)
    losses, chosen = {}, {}
    for width in widths:
        basis = Basis.of(source, target, centers, width)
        of_ridge = {
            ridge: left_out_losses(basis, ridge, mixture) for ridge in ridges
        }
        best = min(of_ridge, key=lambda ridge: of_ridge[ridge].mean())
        chosen[width], losses[width] = best, of_ridge[best]
    width = ratio_settings.widest_of_the_best(losses)
    return width, chosen[width]
