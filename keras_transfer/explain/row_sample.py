"""Some rows of data of unknown length, drawn while it passes by."""

import numpy as np


class RowSample:
    """Keeps the rows with the smallest priorities, at most so many.

    With priorities drawn at random this is a sample without replacement, of a
    dataset that is seen once and never held.

    Args:
        size: Number of rows that are kept.
    """

    def __init__(self, size):
        self._size = size
        self._priorities = np.empty(0)
        self._rows = np.empty(0, "int64")
        self._values = None

    def add(self, priorities, first, values):
        """Takes a batch.

        Args:
            priorities: One number for each row.
            first: Number of the batch's first row.
            values: Array `(rows, ...)`.
        """
        values = np.asarray(values)
        numbers = np.arange(first, first + len(values))
        if self._values is not None:
            priorities = np.concatenate([self._priorities, priorities])
            numbers = np.concatenate([self._rows, numbers])
            values = np.concatenate([self._values, values])
        kept = np.sort(np.argsort(priorities, kind="stable")[: self._size])
        self._priorities = priorities[kept]
        self._rows = numbers[kept]
        self._values = values[kept]

    @property
    def rows(self):
        """Numbers of the rows that were kept, ascending."""
        return self._rows

    @property
    def values(self):
        """What was given of them; `None` if nothing was."""
        return self._values
