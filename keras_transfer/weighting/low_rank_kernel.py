"""A factor of a Gaussian kernel matrix that is never formed."""

import numpy as np

from keras_transfer.weighting.gaussian_kernel import gaussian_kernel

#: Columns that are chosen at a time.
_COLUMNS = 64
#: Of which the decay is told.
_BLOCKS_SEEN = 4
#: Of a block's largest pivot, what the others must reach to be used.
_LEAST_PIVOT = 1e-3


def low_rank_kernel(rows, width, tolerance, most_columns, seed=0):
    """Factor F with F F' near the kernel matrix K of the rows.

    The Cholesky decomposition with random pivots: rows are drawn in blocks,
    with chances as the diagonal of K - F F', until

        trace(K - F F') <= tolerance * n

    K - F F' is positive semi-definite throughout, so the trace bounds it.

    Args:
        rows: Float64 array `(n, d)`.
        width: Of the kernel.
        tolerance: What is left of the diagonal, on average.
        most_columns: Largest number of columns.
        seed: Decides the pivots.

    Returns:
        Float64 array `(n, r)` with r <= `most_columns`, or `None` if so many
        columns do not reach the tolerance.

    Reference:

    - [Chen, Epperly, Tropp & Webber, 2025, Randomly Pivoted Cholesky:
      Practical Approximation of a Kernel Matrix with Few Entry Evaluations,
      algorithm 4](https://arxiv.org/abs/2207.06503)
    """
    from scipy.linalg import solve_triangular

    generator = np.random.default_rng(seed)
    count = len(rows)
    factor = np.empty((count, 0))
    left = np.ones(count)
    sums = []
    while left.sum() > tolerance * count:
        sums.append(left.sum() / (tolerance * count))
        if factor.shape[1] + _blocks_to_go(sums) * _COLUMNS > most_columns:
            return None
        size = min(_COLUMNS, int((left > 0).sum()))
        drawn = generator.choice(
            count, size, replace=False, p=left / left.sum()
        )
        block = gaussian_kernel(rows[drawn], rows[drawn], width)
        block -= factor[drawn] @ factor[drawn].T
        kept, triangle = _pivots(block)
        drawn = drawn[kept]
        columns = gaussian_kernel(rows, rows[drawn], width)
        columns -= factor @ factor[drawn].T
        columns = solve_triangular(triangle, columns.T, lower=True).T
        factor = np.concatenate([factor, columns], axis=1)
        left = np.maximum(left - (columns**2).sum(axis=1), 0.0)
        left[drawn] = 0.0
    return factor


def _blocks_to_go(sums):
    """Guess of how many blocks are needed; it is low, as the decay slows.

    Args:
        sums: What was left before each block, where 1 is the tolerance.
    """
    if len(sums) <= _BLOCKS_SEEN:
        return 1
    shrinks = np.log(sums[-1 - _BLOCKS_SEEN] / sums[-1]) / _BLOCKS_SEEN
    return np.log(sums[-1]) / max(shrinks, 1e-12)


def _pivots(block):
    """Rows of a block that tell apart, and the Cholesky factor of these."""
    from scipy.linalg.lapack import dpstrf

    least = _LEAST_PIVOT * block.diagonal().max()
    triangle, order, rank, _ = dpstrf(block, tol=least, lower=1)
    kept = order[:rank] - 1
    return kept, np.tril(triangle[:rank, :rank])
