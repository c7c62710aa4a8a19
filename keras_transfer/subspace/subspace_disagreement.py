"""How many dimensions two domains share."""

import dataclasses

import numpy as np
from scipy import linalg

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer.subspace.domain_rows import domain_rows


@dataclasses.dataclass(frozen=True)
class SubspaceDisagreement:
    """Result of `subspace_disagreement`.

    Args:
        dimensions: The number of dimensions to take.
        disagreement: Values for 1, 2, ... dimensions, up to `dimensions` and
            not beyond.

    Example:

    >>> from keras_transfer import subspace
    >>> print(subspace.SubspaceDisagreement(2, (0.1, 1.0)))
    2 dimensions, disagreement 1.000
    """

    dimensions: int
    disagreement: tuple[float, ...]

    def to_dict(self):
        """The fields as a dict for JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        return (
            f"{self.dimensions} dimensions, disagreement "
            f"{self.disagreement[-1]:.3f}"
        )


def subspace_disagreement(
    source, target, *, max_dimensions=None, tolerance=1e-3
):
    """Number of dimensions for methods of subspaces, without labels.

    Formula, with alpha_d the largest principal angle between the spans of the
    d leading principal axes of the source and of all rows together, and
    beta_d the same of the target:

        D(d) = (sin(alpha_d) + sin(beta_d)) / 2
        dimensions = min {d : D(d) >= 1 - tolerance}

    D is small while both domains agree with what they have in common, and 1
    where a direction of each is orthogonal to it. The smallest such d uses as
    much of the data's variance as there is before that. Where there is none,
    `max_dimensions` is returned.

    Bad at: small samples, whose trailing axes are chance, so that D comes to
    1 early; and it sees no classes. For `GeodesicFlowKernel` at most half of
    the width has a meaning. Compare by `selection.reverse_validation` where
    the time allows it.

    Args:
        source: Array or scipy.sparse matrix `(rows, width)`, scaled as for
            the method.
        target: The same `(target_rows, width)`.
        max_dimensions: Largest number to look at; by default half of the
            width, or the directions in which each domain varies if those are
            fewer.
        tolerance: How near to 1 counts as 1. In exact arithmetic D(d) = 1 is
            rare on real data.

    Returns:
        A `SubspaceDisagreement`.

    Raises:
        ValueError: If the features do not fit, or a domain does not vary.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import subspace
    >>> generator = np.random.default_rng(0)
    >>> rows = generator.normal(size=(400, 6)) * [9, 5, 3, 1, 1, 1]
    >>> subspace.subspace_disagreement(rows[:200], rows[200:]).dimensions
    3

    Reference:

    - [Gong, Shi, Sha & Grauman, 2012, Geodesic Flow Kernel for Unsupervised
      Domain Adaptation, the "subspace disagreement measure"](
      https://doi.org/10.1109/CVPR.2012.6247911)
    """
    if max_dimensions is not None:
        checked_integer("max_dimensions", max_dimensions, least=1)
    if not 0 <= tolerance < 1:
        raise invalid_argument(
            "tolerance", tolerance, "a number from 0 to less than 1"
        )
    source, target = domain_rows(source, target)
    axes = [_axes(source, "source"), _axes(target, "target")]
    both = _axes(np.concatenate([source, target]), "two domains")
    most = min(axes[0].shape[1], axes[1].shape[1])
    if max_dimensions is None:
        most = max(1, min(most, source.shape[1] // 2))
    else:
        most = min(most, max_dimensions)
    cosines = [one[:, :most].T @ both[:, :most] for one in axes]
    found = []
    for size in range(1, most + 1):
        found.append(float(np.mean([_sine(part, size) for part in cosines])))
        if found[-1] >= 1.0 - tolerance:
            break
    return SubspaceDisagreement(len(found), tuple(found))


def _axes(rows, name):
    """All principal axes `(width, rank)`, largest variance first."""
    centred = rows - rows.mean(axis=0)
    _, singular, axes = linalg.svd(
        centred, full_matrices=False, check_finite=False
    )
    least = np.finfo("float64").eps * max(rows.shape) * singular[0]
    rank = int((singular > least).sum())
    if not rank:
        raise ValueError(
            f"The {name} does not vary: all rows are equal. Expected rows that "
            "differ."
        )
    return axes[:rank].T


def _sine(cosines, size):
    """Of the largest principal angle between two spans of leading axes."""
    smallest = linalg.svdvals(cosines[:size, :size], check_finite=False)[-1]
    return np.sqrt(max(0.0, 1.0 - min(smallest, 1.0) ** 2))
