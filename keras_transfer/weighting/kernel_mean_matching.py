"""Kernel mean matching: weights that move one mean onto the other."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer.weighting import inputs
from keras_transfer.weighting.box_program import box_program
from keras_transfer.weighting.gaussian_kernel import checked_width
from keras_transfer.weighting.gaussian_kernel import gaussian_kernel
from keras_transfer.weighting.gaussian_kernel import kernel_means
from keras_transfer.weighting.kernel_systems import DenseSystem
from keras_transfer.weighting.kernel_systems import FactoredSystem
from keras_transfer.weighting.low_rank_kernel import low_rank_kernel
from keras_transfer.weighting.random_features import RandomFeatures

#: What a factor may leave of the kernel's diagonal, on average: a part of the
#: ridge, which changes weights by some hundredths, and at least this.
_PART_OF_RIDGE = 3e-3
_TOLERANCE = 1e-6
#: Rows below which the whole kernel costs nothing.
_FEW = 500


def kernel_mean_matching(
    source,
    target,
    *,
    width=None,
    bound=1000.0,
    slack=None,
    ridge=0.03,
    block_size=None,
    num_features=None,
    features_of=None,
    batch_size=32,
    seed=0,
):
    """Weights under which the source has the target's mean in kernel space.

    Formula, with n source rows s, m target rows t and weights b:

        min 1/2 b' K b - c' b + ridge / 2 * ||b - 1||^2
        with 0 <= b_i <= bound and |mean(b) - 1| <= slack
        K_ij = k(s_i, s_j),  c_i = n / m * sum_j k(s_i, t_j)
        k(x, y) = exp(-||x - y||^2 / (2 * width^2))

    divided by the mean of b. The paper's program has no ridge: many weights
    then are as good as the best, some of them wild. A ridge chooses even ones
    and costs at most `ridge / (2 n)` times the variance of the best weights,
    of an objective (over n^2) of about -1/2: with a thousand rows 1e-5 in few
    columns, 5e-4 in fifty. `ridge=0` is the paper's program.

    Three forms, where r is the rank that the kernel has in four digits (six
    without a ridge), from 500 rows on:

    - as a whole: memory `n * r` numbers, or `2 n^2` where r is above n / 2, as
      with many columns; time `n * m` for the kernel and `n * r^2` (`n^3 / 3`)
      for each of some twenty steps.
    - `block_size`: source and target are shuffled and cut into blocks, and
      each block of the source is matched with one of the target. Memory does
      not grow with n, time grows with n.
    - `num_features`: K is replaced by random Fourier features, r of them:
      memory `(n + m) * r`, time `n * r^2`, no term in `n * m`.

    Bad at: many columns, where all distances are alike, and columns of
    different scale, of which it sees the largest (bring them to one scale
    first). The width cannot be chosen by the objective. It says weights of
    the given rows alone, none of new ones.

    Args:
        source: Array `(n, ...)`, flattened after the first axis, or whatever
            `features_of` takes.
        target: The same for the target, `(m, ...)`.
        width: Of the kernel; by default the median distance of the rows.
        bound: Largest weight before the division, above 1.
        slack: How far the mean may be from 1; by default
            `(sqrt(n) - 1) / sqrt(n)`, with the rows of a block as n.
        ridge: Not negative.
        block_size: Rows of a block, or `None` for all at once.
        num_features: Even number of random features, or `None`.
        features_of: A Keras model or layer whose outputs stand for the rows.
        batch_size: Rows that it is given at a time.
        seed: Decides blocks, features and the rows of the median.

    Returns:
        Float32 array `(n,)`, mean 1, for `fit(sample_weight=)`.

    Raises:
        ValueError: If rows are bad, or a setting is out of its range.
        TypeError: If a sparse matrix is given.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> source = np.array([[0.0], [0.0], [5.0], [5.0]])
    >>> weighting.kernel_mean_matching(source, source[2:]).round(1)
    array([0., 0., 2., 2.], dtype=float32)

    Reference:

    - [Huang et al., 2006, Correcting Sample Selection Bias by Unlabeled
      Data, eq. 5](https://papers.nips.cc/paper/3075)
    - [Gretton et al., 2009, Covariate Shift by Kernel Mean Matching,
      section 8.2](https://doi.org/10.7551/mitpress/9780262170055.003.0008)
    """
    source, target = inputs.domain_rows(source, target, features_of, batch_size)
    _check(bound, slack, ridge, block_size, num_features)
    settings = {
        "width": checked_width(width, source, target, seed),
        "bound": bound,
        "slack": slack,
        "ridge": ridge,
        "num_features": num_features,
        "seed": seed,
    }
    if block_size is None or block_size >= len(source):
        return inputs.unit_mean(matched(source, target, **settings))
    weights = np.empty(len(source))
    for rows, others in _blocks(len(source), len(target), block_size, seed):
        found = matched(source[rows], target[others], **settings)
        weights[rows] = found / found.mean()
    return inputs.unit_mean(weights)


def matched(source, target, width, bound, slack, ridge, num_features, seed):
    """The program's solution, before the division by its mean.

    Args:
        source: Float64 array `(n, d)`.
        target: Float64 array `(m, d)`.
        width: See `kernel_mean_matching`, as all that follows.
        bound: Likewise.
        slack: Likewise.
        ridge: Likewise.
        num_features: Likewise.
        seed: Likewise.

    Returns:
        Float64 array `(n,)`.
    """
    count = len(source)
    if slack is None:
        slack = (np.sqrt(count) - 1) / np.sqrt(count)
    if num_features is None:
        system, linear = _program(source, target, width, ridge, seed)
    else:
        features = RandomFeatures(source.shape[1], width, num_features, seed)
        factor = features(source)
        system = FactoredSystem(factor, ridge)
        linear = count * (factor @ features.mean(target))
    return box_program(system, linear + ridge, bound, slack)


def _program(source, target, width, ridge, seed):
    """The quadratic and the linear term of the program, without the ridge's."""
    count = len(source)
    linear = count * kernel_means(source, target, width)
    left = max(_PART_OF_RIDGE * ridge, _TOLERANCE)
    most = 0 if count < _FEW else count // 2
    factor = low_rank_kernel(source, width, left, most, seed)
    if factor is None:
        kernel = gaussian_kernel(source, source, width)
        return DenseSystem(kernel, ridge), linear
    # What the factor leaves out is made good for weights of one.
    linear -= count * kernel_means(source, source, width)
    linear += factor @ factor.sum(axis=0)
    return FactoredSystem(factor, ridge), linear


def _check(bound, slack, ridge, block_size, num_features):
    if not 1 < bound < np.inf:
        raise invalid_argument(
            "bound", bound, "a number above 1", "Weights have the mean 1."
        )
    if slack is not None and not 0 <= slack < np.inf:
        raise invalid_argument("slack", slack, "a number of 0 or more, or None")
    if not 0 <= ridge < np.inf:
        raise invalid_argument("ridge", ridge, "a number of 0 or more")
    if block_size is not None:
        checked_integer("block_size", block_size, least=2)
    if num_features is None:
        return
    if checked_integer("num_features", num_features, least=2) % 2:
        raise invalid_argument(
            "num_features",
            num_features,
            "an even number",
            "Each frequency has a sine and a cosine.",
        )


def _blocks(num_source, num_target, block_size, seed):
    """Row numbers of the blocks: of the source, with those of the target."""
    generator = np.random.default_rng(seed)
    count = -(-num_source // block_size)
    others = min(count, -(-num_target // block_size))
    sources = np.array_split(generator.permutation(num_source), count)
    targets = np.array_split(generator.permutation(num_target), others)
    return [(rows, targets[i % others]) for i, rows in enumerate(sources)]
