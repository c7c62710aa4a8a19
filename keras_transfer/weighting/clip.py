"""Weights without their extremes."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.weighting import inputs


def clip(weights, *, quantile=None, largest=None, exponent=1.0):
    """Flattens weights and cuts off the largest: less variance, more bias.

    Formula, with the weights divided by their mean first:

        v_i = w_i^exponent, divided by its mean
        v_i = min(v_i, largest, quantile of v)

    divided by the mean. So the largest weight that comes out is somewhat
    above `largest`, as far as the mean has sunk. An exponent between 0
    (all equal) and 1 (as they are) flattens all weights.

    Bad at: saying how much is right. Compare `effective_sample_size` before
    and after, and what the model makes of it.

    Args:
        weights: Array `(n,)`, not negative and not all zero.
        quantile: Share of the rows, above 0 up to 1, whose largest weight is
            the most that any has; or `None`.
        largest: The most that a weight may be, in units of the mean, at
            least 1; or `None`.
        exponent: From 0 to 1.

    Returns:
        Float32 array `(n,)`, mean 1.

    Raises:
        ValueError: If the weights are none, or a setting is out of its range.

    Example:

    >>> from keras_transfer import weighting
    >>> weighting.clip([1.0, 1.0, 1.0, 9.0], largest=2.0).round(2)
    array([0.44, 0.44, 0.44, 2.67], dtype=float32)

    Reference:

    - [Shimodaira, 2000, Improving Predictive Inference Under Covariate Shift
      by Weighting the Log-Likelihood Function, section 8](
      https://doi.org/10.1016/S0378-3758(00)00115-4)
    - [Cole & Hernan, 2008, Constructing Inverse Probability Weights for
      Marginal Structural Models](https://doi.org/10.1093/aje/kwn164)
    """
    weights = inputs.checked_weights(weights)
    if not 0 <= exponent <= 1:
        raise invalid_argument("exponent", exponent, "a number from 0 to 1")
    if quantile is not None and not 0 < quantile <= 1:
        raise invalid_argument(
            "quantile", quantile, "a number above 0 up to 1, or None"
        )
    if largest is not None and not largest >= 1:
        raise invalid_argument(
            "largest", largest, "a number of 1 or more, or None"
        )
    weights = (weights / weights.max()) ** exponent
    weights /= weights.mean()
    if quantile is not None:
        most = np.quantile(weights, quantile)
        if most == 0:
            raise ValueError(
                f"`quantile` {quantile} is a weight of zero, and would leave "
                "none. Pass a larger one."
            )
        weights = np.minimum(weights, most)
    if largest is not None:
        weights = np.minimum(weights, largest)
    return inputs.unit_mean(weights)
