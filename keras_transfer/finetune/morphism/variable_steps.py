"""What happens to a variable, and to what an optimizer keeps for it.

An axis of a weight is either copied or divided:

    copied:   w'[j] = w[g(j)]
    divided:  w'[j] = w[g(j)] / c(j),  c(j) = number of i with g(i) = g(j)

The gradients do the opposite. Where unit j is one of c equal copies, whose
outgoing weights are divided by c, its incoming weights get 1/c of the
gradient that the one unit got, and its outgoing weights all of it.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Gather:
    """Copies along one axis.

    Attributes:
        axis: Axis of the variable.
        index: Integer array g, of the new length.
        divides: Whether the copies share the value.
        noise: What is added in the end, or `None`.
    """

    axis: int
    index: np.ndarray
    divides: bool = False
    noise: np.ndarray | None = None

    def of_weight(self, value):
        value = np.take(value, self.index, self.axis)
        if self.divides:
            value = value / self._counts(value.ndim)
        return value if self.noise is None else value + self.noise

    def of_slot(self, value, power):
        """A mean of gradients to some power, for the new variable."""
        value = np.take(value, self.index, self.axis)
        if self.divides:
            return value
        return value / self._counts(value.ndim) ** power

    def with_noise(self, value, level, generator):
        """The same with noise that cancels out among the copies of a unit.

        The function of the network stays what it was, but the copies have
        different outgoing weights, so that their gradients differ and they
        part in training.

        Args:
            value: The weight as it is before.
            level: Standard deviation, relative to that of the new weights.
            generator: `numpy.random.Generator`.
        """
        new = self.of_weight(value)
        noise = generator.normal(size=new.shape) * level * new.std()
        along = np.moveaxis(noise, self.axis, 0)
        sums = np.zeros((self.index.max() + 1, *along.shape[1:]))
        np.add.at(sums, self.index, along)
        counts = np.bincount(self.index)[self.index]
        counts = counts.reshape(-1, *[1] * (along.ndim - 1))
        along = along - sums[self.index] / counts
        noise = np.moveaxis(along, 0, self.axis)
        return dataclasses.replace(self, noise=noise)

    def _counts(self, rank):
        counts = np.bincount(self.index)[self.index].astype("float64")
        shape = [1] * rank
        shape[self.axis] = -1
        return counts.reshape(shape)


@dataclasses.dataclass(frozen=True)
class Pad:
    """Zeros at both ends of one axis."""

    axis: int
    before: int
    after: int

    def of_weight(self, value):
        widths = [(0, 0)] * value.ndim
        widths[self.axis] = (self.before, self.after)
        return np.pad(value, widths)

    def of_slot(self, value, power):
        return self.of_weight(value)
