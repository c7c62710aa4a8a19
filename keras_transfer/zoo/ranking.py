"""What came out of comparing backbones."""

import dataclasses

from keras_transfer import _tables


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Result of `rank_backbones`: the candidates, best first.

    Args:
        rows: One dict for each candidate: `name`, `scores` (a dict, with
            `None` where a score could not be computed), `features` (width),
            `parameters` (or `None`), `seconds` (loading, embedding and
            scoring) and `milliseconds_per_row` (embedding alone).
        scores: Names of the scores; the first one decides the order.
        num_rows: Number of rows that were embedded.
        notes: Sentences below the table.

    Example:

    >>> from keras_transfer import zoo
    >>> row = {"name": "a", "scores": {"logme": 0.5, "leep": None}}
    >>> row |= {"features": 8, "parameters": 72, "seconds": 1.0}
    >>> row |= {"milliseconds_per_row": 0.25}
    >>> ranking = zoo.Ranking([row], ("logme", "leep"), 100)
    >>> ranking.names
    ['a']
    >>> print(ranking)
    name  logme  leep  features  parameters  ms/row  seconds
    ----  -----  ----  --------  ----------  ------  -------
    a     0.500     -         8          72   0.250    1.000
    """

    rows: list[dict]
    scores: tuple[str, ...]
    num_rows: int
    notes: tuple[str, ...] = ()

    @property
    def names(self):
        """Names of the candidates, best first."""
        return [row["name"] for row in self.rows]

    def to_dict(self):
        """Everything as a dict for JSON."""
        return {
            "rows": [dict(row) for row in self.rows],
            "scores": list(self.scores),
            "num_rows": self.num_rows,
            "notes": list(self.notes),
        }

    def table(self):
        """The table as `(headers, rows)` of strings, "-" for the unknown."""
        headers = ["name", *self.scores, "features", "parameters", "ms/row"]
        rows = [
            [
                row["name"],
                *(_figure(row["scores"][score]) for score in self.scores),
                _count(row["features"]),
                _count(row["parameters"]),
                _figure(row["milliseconds_per_row"]),
                _figure(row["seconds"]),
            ]
            for row in self.rows
        ]
        return [*headers, "seconds"], rows

    def __str__(self):
        return "\n".join([*_tables.lines(*self.table()), *self.notes])


def _figure(value):
    return "-" if value is None else f"{value:.3f}"


def _count(value):
    return "-" if value is None else f"{value:,}"
