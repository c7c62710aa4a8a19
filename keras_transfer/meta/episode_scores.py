"""What a few-shot learner reached over many episodes."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class EpisodeScores:
    """One value of each episode, their mean and its 95 % interval.

    Formula, with `v_e` the value of episode `e` of `n`:

        mean = sum_e v_e / n
        interval = 1.96 * sqrt(sum_e (v_e - mean)^2 / (n - 1)) / sqrt(n)

    The interval tells how much the mean would vary with other episodes of the
    same classes, not with other classes or another training.

    Args:
        metric: `"accuracy"`, a fraction, or `"loss"` where there are no
            classes.
        statistics: Which statistics batch norm took for the queries:
            `"transductive"`, `"support_plus_one"`, `"support"`, `"moving"`,
            or `"none"` for a model without batch norm.
        values: float64 array `(num_episodes,)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> values = np.array([1.0, 0.8, 0.9, 0.9])
    >>> print(kt.meta.EpisodeScores("accuracy", "moving", values))
    accuracy 90.00 +- 8.00 % (4 episodes, moving statistics)
    """

    metric: str
    statistics: str
    values: np.ndarray

    @property
    def num_episodes(self):
        return len(self.values)

    @property
    def mean(self):
        return float(np.mean(self.values))

    @property
    def interval(self):
        """Half the width of the 95 % interval; NaN for a single episode."""
        if len(self.values) < 2:
            return float("nan")
        deviation = np.std(self.values, ddof=1)
        return float(1.96 * deviation / np.sqrt(len(self.values)))

    def __str__(self):
        mean, interval, unit = self.mean, self.interval, ""
        if self.metric == "accuracy":
            mean, interval, unit = 100 * mean, 100 * interval, " %"
        return (
            f"{self.metric} {mean:.2f} +- {interval:.2f}{unit} "
            f"({self.num_episodes} episodes, {self.statistics} statistics)"
        )
