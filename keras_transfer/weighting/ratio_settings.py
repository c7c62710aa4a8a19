"""Centres, widths and ridges that density ratios choose from."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.weighting.gaussian_kernel import checked_positive
from keras_transfer.weighting.gaussian_kernel import median_distance

#: Of the median distance.
_WIDTHS = (0.1, 0.2, 0.35, 0.6, 1.0)
#: Of matrices whose largest entry is about one.
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def centers_of(target, num_centers, seed):
    """Rows of the target that kernels are put on, without repeats.

    Args:
        target: Float64 array `(m, d)`.
        num_centers: Largest number of them.
        seed: Decides which.

    Returns:
        Float64 array `(b, d)`.
    """
    rows = np.unique(target, axis=0)
    generator = np.random.default_rng(seed)
    return generator.permutation(rows)[:num_centers]


def candidate_widths(width, source, target, seed):
    """Widths to choose from: the given ones, or shares of the median distance.

    Args:
        width: A positive number, several, or `None`.
        source: Float64 array `(n, d)`.
        target: Float64 array `(m, d)`.
        seed: Decides the rows of the median.

    Returns:
        List of floats.
    """
    if width is None:
        median = median_distance(np.concatenate([source, target]), seed)
        return [median * share for share in _WIDTHS]
    return _positive_numbers(width, "width")


def candidate_ridges(ridge):
    """Ridges to choose from: the given ones, or powers of ten."""
    if ridge is None:
        return list(_RIDGES)
    return _positive_numbers(ridge, "ridge")


def widest_of_the_best(losses):
    """The widest kernel that held-out rows do not tell from the best one.

    Held-out scores of narrow and wide kernels differ by little beside their
    noise, and the narrow ones follow the sample. So the widest wins whose
    loss is above the least by at most one standard error of the difference,
    as trees are pruned (Breiman et al., 1984, section 3.4.3).

    Args:
        losses: Dict from a width to the losses of single held-out rows, the
            same rows for each width.

    Returns:
        A width.
    """
    best = min(losses, key=lambda width: losses[width].mean())

    def is_as_good(width):
        if not np.isfinite(losses[width]).all():
            return width == best
        differences = losses[width] - losses[best]
        error = differences.std() / np.sqrt(len(differences))
        return differences.mean() <= error

    return max(filter(is_as_good, losses))


def _positive_numbers(given, name):
    if np.ndim(given) == 0:
        return [checked_positive(given, name)]
    values = [checked_positive(value, name) for value in given]
    if not values:
        raise invalid_argument(name, given, "one positive number or more")
    return values
