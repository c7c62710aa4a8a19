"""Density ratios by least squares: uLSIF."""

from keras_transfer.weighting.rulsif import rulsif


def ulsif(
    source,
    target,
    *,
    width=None,
    ridge=None,
    num_centers=100,
    features_of=None,
    batch_size=32,
    seed=0,
):
    """Ratio of the densities of target and source, by least squares.

    Formula, with Gaussian kernels phi(x) of one width at centres drawn from
    the target:

        w(x) = phi(x)' a ~ p_t(x) / p_s(x)
        a = max(0, (H + ridge I)^-1 h)
        H = mean_i phi(s_i) phi(s_i)',  h = mean_j phi(t_j)

    divided by the mean over the source. Width and ridge are those of the
    lowest squared error on rows that are left out, which has a closed form:
    no search by training, and the fastest of the density ratios.

    Note:
        Of widths whose errors differ by less than their noise, the widest is
        taken; the paper takes the lowest error.

    Bad at: many columns, and domains that hardly overlap, where the ratio has
    no bound and few rows get all of the weight: see `rulsif`.

    Args:
        source: Array `(n, ...)`, flattened after the first axis, or whatever
            `features_of` takes.
        target: The same for the target, `(m, ...)`.
        width: Of the kernels; or several to choose from; by default 0.1 to 1
            times the median distance.
        ridge: Positive; or several to choose from; by default 0.001 to 10.
        num_centers: Largest number b of kernels. Time is `n * b^2` for each
            width and ridge, memory `(n + m) * b`.
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
    >>> weights = weighting.ulsif(source, source[50:])
    >>> bool(weights[75] > 3 * weights[25])
    True

    Reference:

    - [Kanamori et al., 2009, A Least-squares Approach to Direct Importance
      Estimation, section 3](https://jmlr.org/papers/v10/kanamori09a.html)
    """
    return rulsif(
        source,
        target,
        mixture=0.0,
        width=width,
        ridge=ridge,
        num_centers=num_centers,
        features_of=features_of,
        batch_size=batch_size,
        seed=seed,
    )
