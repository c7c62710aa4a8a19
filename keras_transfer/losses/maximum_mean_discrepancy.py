"""Maximum mean discrepancy with a mixture of Gaussian kernels."""

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.ops.distances import median_pairwise_distance
from keras_transfer.ops.distances import pairwise_squared_distances
from keras_transfer.ops.kernels import gaussian_mixture
from keras_transfer.ops.precision import at_least_float32

ESTIMATORS = ("biased", "unbiased")
DEFAULT_MULTIPLIERS = (0.25, 0.5, 1.0, 2.0, 4.0)


def maximum_mean_discrepancy(
    source, target, *, bandwidths=None, multipliers=None, estimator="biased"
):
    """Squared distance of the kernel means of two feature batches.

    Formula, with k the mean of Gaussian kernels of the given bandwidths:

        biased    mean_ij k(s_i, s_j) + mean_ij k(t_i, t_j)
                  - 2 mean_ij k(s_i, t_j)
        unbiased  the same, the first two means over i != j only

    The biased estimate is never negative and is zero for equal batches. The
    unbiased one is zero on average for equal distributions and therefore
    often slightly negative: that is no fault.

    Bad at: small batches (the noise is of order 1 / rows), and features so
    wide that all distances are alike.

    Args:
        source: Features, shape `(num_source, d)`.
        target: Features, shape `(num_target, d)`.
        bandwidths: Widths of the kernels, positive numbers in the unit of the
            features. By default `multipliers` times the median distance
            between different rows of both batches together, taken anew at
            each call and without gradient.
        multipliers: Factors on the median distance, by default
            `(0.25, 0.5, 1, 2, 4)`. Not together with `bandwidths`.
        estimator: `"biased"` or `"unbiased"` (which needs two rows each).

    Returns:
        Scalar, float32 or wider.

    Raises:
        ValueError: If an argument is invalid or a batch too small.

    Example:

    >>> from keras_transfer import losses
    >>> x = [[0.0], [1.0], [2.0]]
    >>> losses.maximum_mean_discrepancy(x, x).numpy().item()
    0.0

    Reference:

    - [Gretton et al., 2012, A Kernel Two-Sample Test, JMLR 13, eq. 3 and 5](
      https://jmlr.org/papers/v13/gretton12a.html)
    - [Long et al., 2015, Deep Adaptation Networks, eq. 2-4](
      https://arxiv.org/abs/1502.02791)
    """
    _check(bandwidths, multipliers, estimator)
    source = at_least_float32(source)
    target = at_least_float32(target)
    smallest = 2 if estimator == "unbiased" else 1
    for name, rows in (("source", source), ("target", target)):
        if len(rows.shape) != 2 or (rows.shape[0] or smallest) < smallest:
            raise ValueError(
                f"The {estimator} MMD needs a batch of at least {smallest} "
                f"vectors, shape (rows, width). Received {name} of shape "
                f"{tuple(rows.shape)}."
            )
    both = ops.concatenate([source, target], axis=0)
    distances = pairwise_squared_distances(both, both)
    if bandwidths is None:
        # The floor keeps equal rows, whose median is zero, from dividing by it.
        median = ops.maximum(median_pairwise_distance(distances), 1e-6)
        bandwidths = median * ops.cast(
            multipliers or DEFAULT_MULTIPLIERS, distances.dtype
        )
    kernel = gaussian_mixture(distances, bandwidths)
    num_source = ops.shape(source)[0]
    within_source = kernel[:num_source, :num_source]
    within_target = kernel[num_source:, num_source:]
    across = kernel[:num_source, num_source:]
    within = _mean_off_diagonal if estimator == "unbiased" else ops.mean
    return within(within_source) + within(within_target) - 2 * ops.mean(across)


@public("losses")
class MaximumMeanDiscrepancy(keras.losses.Loss):
    """`maximum_mean_discrepancy(source, target)` as a Keras loss.

    The value belongs to the two batches, not to single rows: `reduction` has
    no effect on a scalar, and a `sample_weight` multiplies it as a whole.

    Args:
        bandwidths: Widths of the Gaussian kernels, or `None` for the median
            rule.
        multipliers: Factors on the median distance, or `None` for
            `(0.25, 0.5, 1, 2, 4)`.
        estimator: `"biased"` or `"unbiased"`.
        name: Optional name.
        dtype: Optional dtype of the computation, float32 by default.

    Example:

    >>> import keras_transfer as kt
    >>> mmd = kt.losses.MaximumMeanDiscrepancy(bandwidths=[1.0])
    >>> round(mmd([[0.0]], [[1.0]]).numpy().item(), 4)
    0.7869

    Reference:

    - [Gretton et al., 2012, A Kernel Two-Sample Test, JMLR 13, eq. 3 and 5](
      https://jmlr.org/papers/v13/gretton12a.html)
    """

    def __init__(
        self,
        bandwidths=None,
        multipliers=None,
        estimator="biased",
        name="maximum_mean_discrepancy",
        dtype=None,
    ):
        _check(bandwidths, multipliers, estimator)
        super().__init__(name=name, reduction="sum", dtype=dtype)
        self.bandwidths = bandwidths
        self.multipliers = multipliers
        self.estimator = estimator

    def call(self, source, target):
        return maximum_mean_discrepancy(
            source,
            target,
            bandwidths=self.bandwidths,
            multipliers=self.multipliers,
            estimator=self.estimator,
        )

    def get_config(self):
        return {
            "bandwidths": self.bandwidths,
            "multipliers": self.multipliers,
            "estimator": self.estimator,
            "name": self.name,
            "dtype": self.dtype,
        }


def _check(bandwidths, multipliers, estimator):
    if estimator not in ESTIMATORS:
        raise invalid_argument("estimator", estimator, f"one of {ESTIMATORS}")
    if bandwidths is not None and multipliers is not None:
        raise ValueError(
            "`bandwidths` are given and `multipliers` belong to the median "
            "rule. Expected one of the two. Received: "
            f"bandwidths={bandwidths}, multipliers={multipliers}"
        )
    for name, values in (
        ("bandwidths", bandwidths),
        ("multipliers", multipliers),
    ):
        if values is None:
            continue
        if not isinstance(values, (list, tuple)) or not values:
            raise invalid_argument(name, values, "a list of positive numbers")
        if any(not value > 0 for value in values):
            raise invalid_argument(name, values, "positive numbers")


def _mean_off_diagonal(kernel):
    rows = ops.cast(ops.shape(kernel)[0], kernel.dtype)
    off_diagonal = ops.sum(kernel) - ops.trace(kernel)
    # A single row in a batch of unknown size has no pairs: zero, not NaN.
    return off_diagonal / ops.maximum(rows * (rows - 1.0), 1.0)
