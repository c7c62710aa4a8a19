"""What a transfer of weights did, for people."""

import dataclasses
from typing import NamedTuple


class Transfer(NamedTuple):
    """A weight that found its place.

    Attributes:
        source: Its name there.
        target: Its name here.
        shape: Shape of the target's weight.
        note: How its axes were turned, or what was cut off.
    """

    source: str
    target: str
    shape: tuple
    note: str


class Leftover(NamedTuple):
    """A weight that found none.

    Attributes:
        name: Its name.
        shape: Its shape.
        reason: Why.
    """

    name: str
    shape: tuple
    reason: str


@dataclasses.dataclass(frozen=True)
class TransferReport:
    """Which weights went where, and which did not.

    `str(report)` is a table. Returned by `transfer_weights`.

    Args:
        method: How places were found: `"name"`, `"shape and order"` or
            `"mapping and name"`.
        transferred: Tuple of `(source, target, shape, note)`.
        left_over: Tuple of `(name, shape, reason)`: of the source.
        unfilled: Tuple of `(name, shape, reason)`: weights of the target that
            keep their values.
        warnings: Tuple of sentences on what makes outputs differ although
            the weights are equal.

    Example:

    >>> import keras_transfer as kt
    >>> report = kt.finetune.TransferReport(
    ...     "name",
    ...     transferred=(("fc.bias", "fc/bias", (3,), ""),),
    ...     left_over=(("fc.weight", (3, 9), "its shape does not fit"),),
    ... )
    >>> print(report)
    1 weight transferred by name, 1 of the source left over, 0 of the target
    unchanged
    Transferred
      fc.bias  fc/bias  (3,)
    Left over in the source
      fc.weight  (3, 9)  its shape does not fit
    >>> report.is_complete
    False
    """

    method: str
    transferred: tuple = ()
    left_over: tuple = ()
    unfilled: tuple = ()
    warnings: tuple = ()

    @property
    def is_complete(self):
        """Whether everything of the source fills everything of the target."""
        return not self.left_over and not self.unfilled

    @property
    def summary(self):
        """The first line of the table."""
        count = len(self.transferred)
        return (
            f"{count} weight{'' if count == 1 else 's'} transferred by "
            f"{self.method}, {len(self.left_over)} of the source left over, "
            f"{len(self.unfilled)} of the target unchanged"
        )

    def __str__(self):
        lines = [self.summary]
        for title, rows in (
            ("Transferred", self.transferred),
            ("Left over in the source", self.left_over),
            ("Unchanged in the target", self.unfilled),
            ("Warnings", [(sentence,) for sentence in self.warnings]),
        ):
            if rows:
                lines += [title, *_aligned(rows)]
        return "\n".join(lines)


def _aligned(rows):
    table = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = zip(row, widths, strict=True)
        yield "  " + "  ".join(c.ljust(w) for c, w in cells).rstrip()
