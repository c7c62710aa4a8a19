"""Medians, scales and categories of a table that is seen once."""

import collections

import numpy as np

from keras_transfer._public import invalid_argument

#: Values from which medians are found; rows of a sample beyond that.
SAMPLE_ROWS = 100_000
SAMPLE_VALUES = 16_000_000
#: Of one column, before it is taken for names of rows.
MOST_CATEGORIES = 100_000

#: Below this share of a column's size a spread is rounding.
_LEAST_SPREAD = 1e-7


class TableStatistics:
    """Collects what `TablePreparation` has to know of the columns.

    Args:
        missing: Strings that stand for a missing category.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.table_statistics import TableStatistics
    >>> found = TableStatistics(missing=("",))
    >>> found.add({"age": np.array([1.0, np.nan, 5.0]), "job": ["a", "", "a"]})
    >>> result = found.result(max_categories=9)
    >>> result["median"], result["vocabularies"], result["lacks_category"]
    ([3.0], [['a']], [True])
    """

    def __init__(self, missing):
        self._missing = missing
        self._numeric = self._categorical = None
        self._columns = None
        self._moments = None
        self._sample = None
        self._priorities = np.empty(0)
        self._generator = np.random.default_rng(0)
        self._counters = []
        self._lacking = []

    def add(self, batch):
        """Takes a batch: a matrix `(rows, columns)` or a dict of `(rows,)`."""
        numbers, strings = self._split(batch)
        if numbers is not None:
            self._add_numbers(numbers)
        for place, (name, column) in enumerate(strings.items()):
            values = [_text(value) for value in column]
            known = [value for value in values if value not in self._missing]
            self._lacking[place] |= len(known) < len(values)
            counter = self._counters[place]
            counter.update(known)
            if len(counter) > MOST_CATEGORIES:
                raise ValueError(
                    f"Column {name!r} has more than {MOST_CATEGORIES} values: "
                    "it names rows rather than kinds of them. Leave it out, "
                    "as by csv_table(ignore=)."
                )

    def result(self, max_categories):
        """What was found.

        Args:
            max_categories: Most values of a column that are kept.

        Returns:
            A dict that JSON can hold: `numeric`, names of the columns of
            numbers, or `None` for a matrix; `median`, `mean`, `variance` and
            `has_gaps`, one for each; `categorical`, names; `vocabularies`,
            values, the most frequent first; and `lacks_category`.

        Raises:
            ValueError: If there was no row or no column.
        """
        if self._columns is None:
            raise ValueError(
                "There is no row to adapt to. Expected at least one."
            )
        return {
            "numeric": self._numeric,
            **self._numbers_found(),
            "categorical": self._categorical,
            "vocabularies": [
                sorted(counter, key=lambda v: (-counter[v], v))[:max_categories]
                for counter in self._counters
            ],
            "lacks_category": list(self._lacking),
        }

    def _split(self, batch):
        """Numbers float64 `(rows, columns)` or `None`, and dict of strings."""
        if not isinstance(batch, dict):
            matrix = np.asarray(batch)
            if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
                raise invalid_argument(
                    "data",
                    f"{matrix.dtype.name} of shape {matrix.shape}",
                    "numbers of shape (rows, columns), or a dict of columns",
                )
            self._expect(matrix.shape[1])
            self._categorical = []
            return matrix.astype("float64"), {}
        columns = {name: _column(name, c) for name, c in batch.items()}
        self._expect(list(columns))
        if self._categorical is None:
            is_text = {n: c.dtype.kind in "OSU" for n, c in columns.items()}
            self._numeric = [n for n in columns if not is_text[n]]
            self._categorical = [n for n in columns if is_text[n]]
            self._counters = [collections.Counter() for _ in self._categorical]
            self._lacking = [False] * len(self._categorical)
        numbers = None
        if self._numeric:
            numbers = np.stack(
                [columns[name].astype("float64") for name in self._numeric], -1
            )
        return numbers, {name: columns[name] for name in self._categorical}

    def _expect(self, columns):
        if not columns:
            raise ValueError("The table has no columns. Expected at least one.")
        if self._columns not in (None, columns):
            raise ValueError(
                "The batches of a table must have the same columns. Received: "
                f"{columns} after {self._columns}."
            )
        self._columns = columns

    def _add_numbers(self, rows):
        if np.isinf(rows).any():
            place = int(np.isinf(rows).any(axis=0).argmax())
            name = self._numeric[place] if self._numeric else place
            raise ValueError(
                f"Column {name!r} has an infinite value. Replace it by NaN if "
                "it is not known."
            )
        is_known = ~np.isnan(rows)
        counts = is_known.sum(axis=0)
        means = np.where(is_known, rows, 0).sum(axis=0) / np.maximum(counts, 1)
        squares = np.square(np.where(is_known, rows - means, 0)).sum(axis=0)
        total = np.full_like(counts, len(rows))
        moments = counts, means, squares, total
        if self._moments is not None:
            moments = (
                *_merged(self._moments[:3], moments[:3]),
                self._moments[3] + total,
            )
        self._moments = moments
        most = max(1, min(SAMPLE_ROWS, SAMPLE_VALUES // rows.shape[1]))
        priorities = self._generator.random(len(rows))
        if self._sample is not None:
            rows = np.concatenate([self._sample, rows])
            priorities = np.concatenate([self._priorities, priorities])
        if len(rows) > most:
            kept = np.argpartition(priorities, most)[:most]
            rows, priorities = rows[kept], priorities[kept]
        self._sample, self._priorities = rows, priorities

    def _numbers_found(self):
        names = ("median", "mean", "variance", "has_gaps")
        if self._moments is None:
            return {name: [] for name in names}
        counts, _, _, total = self._moments
        median = np.zeros(len(counts))
        known = ~np.isnan(self._sample).all(axis=0)
        median[known] = np.nanmedian(self._sample[:, known], axis=0)
        # As if the gaps had been filled before.
        gaps = total - counts
        fill = gaps, median, np.zeros_like(median)
        _, mean, squares = _merged(self._moments[:3], fill)
        variance = squares / total
        least = np.square(_LEAST_SPREAD * np.abs(mean))
        variance = np.where(variance > least, variance, 1.0)
        values = median, mean, variance, gaps > 0
        return {n: v.tolist() for n, v in zip(names, values, strict=True)}


def _merged(one, other):
    """Counts, means and sums of squares of two sets together."""
    (n_1, mean_1, squares_1), (n_2, mean_2, squares_2) = one, other
    total = np.maximum(n_1 + n_2, 1)
    step = mean_2 - mean_1
    mean = mean_1 + step * n_2 / total
    return n_1 + n_2, mean, squares_1 + squares_2 + step**2 * n_1 * n_2 / total


def _column(name, values):
    column = np.asarray(values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1 or column.dtype.kind not in "biufOSU":
        raise ValueError(
            f"Column {name!r} must hold one number or string a row. Received: "
            f"{column.dtype.name} of shape {column.shape}."
        )
    return column


def _text(value):
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    return text.strip()
