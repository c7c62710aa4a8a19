"""How many rows the weighted ones are worth."""

from keras_transfer.weighting import inputs


def effective_sample_size(weights):
    """Number of equal rows that are worth as much as the weighted ones.

    Formula:

        (sum_i w_i)^2 / sum_i w_i^2

    From 1, where one row has all the weight, to the number of rows. The
    variance of a weighted mean is about that of a mean over so many rows.

    Bad at: telling whether weights are right. Equal ones have the largest.

    Args:
        weights: Array `(n,)`, not negative and not all zero.

    Returns:
        A float.

    Raises:
        ValueError: If the weights are none.

    Example:

    >>> from keras_transfer import weighting
    >>> weighting.effective_sample_size([1.0, 1.0, 0.0, 0.0])
    2.0

    Reference:

    - [Kish, 1965, Survey Sampling, section 11.7](
      https://doi.org/10.1002/bimj.19680100122)
    """
    weights = inputs.checked_weights(weights)
    # Else squares of small weights are zero.
    weights = weights / weights.max()
    return float(weights.sum() ** 2 / (weights**2).sum())
