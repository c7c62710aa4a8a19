"""Relative density ratios by least squares: RuLSIF."""

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer.weighting import inputs
from keras_transfer.weighting import least_squares_ratio
from keras_transfer.weighting import ratio_settings


def rulsif(
    source,
    target,
    *,
    mixture=0.1,
    width=None,
    ridge=None,
    num_centers=100,
    features_of=None,
    batch_size=32,
    seed=0,
):
    """Ratio of the target's density to a mixture of both, by least squares.

    Formula, with Gaussian kernels phi(x) of one width at centres drawn from
    the target:

        w(x) = phi(x)' a ~ p_t(x) / (mixture * p_t(x) + (1 - mixture) * p_s(x))
        a = max(0, (H + ridge I)^-1 h),  h = mean_j phi(t_j)
        H = mixture * mean_j phi(t_j) phi(t_j)'
            + (1 - mixture) * mean_i phi(s_i) phi(s_i)'

    divided by the mean over the source. The ratio itself is at most
    `1 / mixture`, so that no row outweighs all others where the source is
    thin: a larger mixture means flatter weights, and a larger bias. 0 is
    `ulsif`.

    Width and ridge are those of the lowest squared error on rows that are
    left out, which has a closed form.

    Bad at: many columns, as all that puts kernels on rows; and it does not
    remove all of the shift, by intent.

    Note:
        Coefficients below zero are cut off, as in `ulsif`; weights must not
        be negative. The paper's formula leaves them. Of widths whose errors
        differ by less than their noise, the widest is taken; the paper takes
        the lowest error.

    Args:
        source: Array `(n, ...)`, flattened after the first axis, or whatever
            `features_of` takes.
        target: The same for the target, `(m, ...)`.
        mixture: Share of the target in the denominator, from 0 to below 1.
        width: Of the kernels; or several to choose from; by default 0.1 to 1
            times the median distance.
        ridge: Positive; or several to choose from; by default 0.001 to 10.
        num_centers: Largest number b of kernels. Time is `(n + m) * b^2` for
            each width and ridge, memory `(n + m) * b`.
        features_of: A Keras model or layer whose outputs stand for the rows.
        batch_size: Rows that it is given at a time.
        seed: Decides the centres.

    Returns:
        Float32 array `(n,)`, mean 1, for `fit(sample_weight=)`.

    Raises:
        ValueError: If rows are bad, or a setting is out of its range.
        TypeError: If a sparse matrix is given.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> source = np.linspace(0, 1, 101)[:, None]
    >>> weights = weighting.rulsif(source, source[50:], mixture=0.5)
    >>> bool(weights[75] > 3 * weights[25])
    True

    Reference:

    - [Yamada et al., 2013, Relative Density-Ratio Estimation for Robust
      Distribution Comparison, eqs. 6 to 8](https://arxiv.org/abs/1106.4729)
    """
    source, target = inputs.domain_rows(source, target, features_of, batch_size)
    if not 0 <= mixture < 1:
        raise invalid_argument("mixture", mixture, "a number from 0 to below 1")
    checked_integer("num_centers", num_centers, least=1)
    centers = ratio_settings.centers_of(target, num_centers, seed)
    width, ridge = least_squares_ratio.best_setting(
        source,
        target,
        centers,
        ratio_settings.candidate_widths(width, source, target, seed),
        ratio_settings.candidate_ridges(ridge),
        mixture,
    )
    basis = least_squares_ratio.Basis.of(source, target, centers, width)
    found = least_squares_ratio.coefficients(basis, ridge, mixture)
    return inputs.unit_mean(basis.source @ found)
