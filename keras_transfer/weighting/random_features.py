"""Random features whose products are a Gaussian kernel on average."""

import numpy as np

_BLOCK = 4_000_000


class RandomFeatures:
    """Sines and cosines of random frequencies.

    Formula, with D features and frequencies u of a normal distribution with
    deviation 1 / width:

        z(x) = sqrt(2 / D) * [cos(u_1' x), sin(u_1' x), ...]
        E z(x)' z(y) = exp(-||x - y||^2 / (2 * width^2))

    Args:
        columns: Number of columns d.
        width: Of the kernel.
        count: Even number of features.
        seed: Decides the frequencies.

    Reference:

    - [Rahimi & Recht, 2007, Random Features for Large-Scale Kernel Machines,
      algorithm 1](https://papers.nips.cc/paper/3182)
    """

    def __init__(self, columns, width, count, seed):
        generator = np.random.default_rng(seed)
        shape = (columns, count // 2)
        self.frequencies = generator.normal(size=shape) / width

    def __call__(self, rows):
        """Features of rows, float64 `(n, count)`."""
        phases = rows @ self.frequencies
        scale = 1.0 / np.sqrt(self.frequencies.shape[1])
        return scale * np.concatenate([np.cos(phases), np.sin(phases)], axis=1)

    def mean(self, rows):
        """Mean of the features of rows, some rows at a time."""
        total = np.zeros(2 * self.frequencies.shape[1])
        size = max(1, _BLOCK // len(total))
        for start in range(0, len(rows), size):
            total += self(rows[start : start + size]).sum(axis=0)
        return total / len(rows)
