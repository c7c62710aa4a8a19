"""A test of whether two samples come from one distribution."""

import dataclasses

import numpy as np

from keras_transfer import ops
from keras_transfer._public import invalid_argument
from keras_transfer.data import feature_rows
from keras_transfer.losses.maximum_mean_discrepancy import DEFAULT_MULTIPLIERS
from keras_transfer.weighting import domain_classifier


@dataclasses.dataclass(frozen=True)
class MMDTest:
    """Result of `mmd_test`.

    Args:
        statistic: The unbiased estimate of the squared MMD; it may be
            slightly negative.
        p_value: How often a random division of the rows gives as much.
        threshold: What 95 % of the random divisions stay below.
        num_permutations: Number of random divisions.
        rows: Numbers of rows of the source and of the target.

    Example:

    >>> from keras_transfer import transferability
    >>> print(transferability.MMDTest(0.05, 0.001, 0.01, 1000, (80, 80)))
    squared MMD 0.05 (95 % of 1000 permutations below 0.01), p = 0.001
    """

    statistic: float
    p_value: float
    threshold: float
    num_permutations: int
    rows: tuple[int, int]

    def to_dict(self):
        """The fields as a dict for JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        return (
            f"squared MMD {self.statistic:.3g} (95 % of "
            f"{self.num_permutations} permutations below "
            f"{self.threshold:.3g}), p = {self.p_value:.3g}"
        )


def mmd_test(source, target, num_permutations=1000, seed=0, *, max_rows=2000):
    """Maximum mean discrepancy with a permutation test.

    Formula, with the unbiased estimate of `losses.maximum_mean_discrepancy`
    (Gaussian kernels of 1/4 to 4 times the median distance of all rows):

        p = (1 + number of permutations with MMD^2 >= the observed) / (1 + B)

    where each of the B permutations divides all rows anew. If both samples
    come from one distribution, p <= 0.05 in 5 % of all cases, for any number
    of rows.

    Bad at: telling how much a difference matters. With many rows p is small
    for differences that do no harm, and with few it is large for those that
    do: see `proxy_a_distance`. Rows must be independent.

    Args:
        source: Array `(num_source, width)`.
        target: Array `(num_target, width)`.
        num_permutations: Number of permutations; p is never below
            1 / (1 + num_permutations).
        seed: Decides the permutations and the rows.
        max_rows: Rows to draw of each domain at most, or `None`. Memory
            grows with their square.

    Returns:
        An `MMDTest`.

    Raises:
        ValueError: If widths differ or rows are missing.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> rows = np.random.default_rng(0).normal(size=(80, 3))
    >>> transferability.mmd_test(rows[:40], rows[40:] + 1.0, 199).p_value
    0.005

    Reference:

    - [Gretton et al., 2012, A Kernel Two-Sample Test, JMLR 13, eq. 3 and
      section 5](https://jmlr.org/papers/v13/gretton12a.html)
    """
    domain_classifier.check_settings(2, 1.0, max_rows, seed)
    if not isinstance(num_permutations, int) or num_permutations < 1:
        raise invalid_argument(
            "num_permutations", num_permutations, "a positive integer"
        )
    source = feature_rows.feature_rows(source, "source")
    target = feature_rows.feature_rows(target, "target")
    domain_classifier.check_rows(source, target, 2)
    generator = np.random.default_rng(seed)
    source = source[domain_classifier.sample(len(source), max_rows, generator)]
    target = target[domain_classifier.sample(len(target), max_rows, generator)]
    kernel = _kernel(np.concatenate([source, target]))
    sizes = (len(source), len(target))
    is_source = np.repeat([1.0, 0.0], sizes)
    (observed,) = _discrepancies(kernel, is_source[:, None])
    drawn = _permuted(kernel, is_source, num_permutations, generator)
    # Equal divisions must count as such, whatever the order of their sums.
    reached = drawn >= observed - 1e-12
    return MMDTest(
        statistic=float(observed),
        p_value=float((1 + reached.sum()) / (1 + num_permutations)),
        threshold=float(np.quantile(drawn, 0.95)),
        num_permutations=num_permutations,
        rows=sizes,
    )


def _kernel(rows):
    """The kernel of all pairs, zero on the diagonal."""
    distances = ops.pairwise_squared_distances(rows, rows)
    # Equal rows have a median distance of zero, which divides.
    median = max(float(ops.median_pairwise_distance(distances)), 1e-12)
    widths = median * np.array(DEFAULT_MULTIPLIERS)
    kernel = np.array(ops.gaussian_mixture(distances, widths))
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _permuted(kernel, is_source, num_permutations, generator):
    """The statistic of random divisions, some at a time to spare memory."""
    found = []
    size = max(1, 4_000_000 // len(is_source))
    for start in range(0, num_permutations, size):
        count = min(size, num_permutations - start)
        divisions = np.tile(is_source, (count, 1))
        divisions = generator.permuted(divisions, axis=1)
        found.append(_discrepancies(kernel, divisions.T))
    return np.concatenate(found)


def _discrepancies(kernel, is_source):
    """Unbiased squared MMD of divisions, 1 for source `(rows, divisions)`."""
    num_source = is_source[:, 0].sum()
    num_target = len(kernel) - num_source
    sums = kernel.sum(axis=1)
    within_source = (is_source * (kernel @ is_source)).sum(axis=0)
    across = sums @ is_source - within_source
    within_target = sums.sum() - 2 * across - within_source
    return (
        within_source / (num_source * (num_source - 1))
        + within_target / (num_target * (num_target - 1))
        - 2 * across / (num_source * num_target)
    )
