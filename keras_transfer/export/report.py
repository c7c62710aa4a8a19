"""What was found out about an export."""

import dataclasses
import math
import os
import pathlib

from keras_transfer.export.check import Check
from keras_transfer.export.difference import Difference


@dataclasses.dataclass(frozen=True)
class Report(os.PathLike):
    """The result of `export.save` and `export.verify`; also a path.

    Args:
        path: The version folder; of an export that failed, its base folder.
        checks: List of `Check`.
        differences: Dict from signature to `Difference`, where answers were
            compared.
        seconds: How long it took.

    Example:

    >>> from keras_transfer import export
    >>> report = export.Report("served/flowers/1", [], {}, 0.1)
    >>> report.passed, report.path.name
    (True, '1')
    """

    path: pathlib.Path
    checks: list[Check]
    differences: dict[str, Difference]
    seconds: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "path", pathlib.Path(self.path))

    def __fspath__(self):
        return str(self.path)

    def __str__(self):
        return str(self.path)

    @property
    def passed(self):
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self):
        """The checks that failed."""
        return [check for check in self.checks if check.status == "fail"]

    @property
    def largest_difference(self):
        """Over all signatures; 0 if nothing was compared."""
        found = [d.largest for d in self.differences.values()]
        return max(found, default=0.0)

    def to_dict(self):
        """Everything, as a dict for JSON.

        A difference is `None` where answers cannot be compared, as of other
        shapes: JSON has no infinity.
        """
        return {
            "path": str(self.path),
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "largest_difference": _storable(self.largest_difference),
            "differences": {
                name: {
                    "largest": _storable(difference.largest),
                    "agreement": difference.agreement,
                }
                for name, difference in self.differences.items()
            },
            "checks": [dataclasses.asdict(check) for check in self.checks],
        }


def _storable(number):
    return number if math.isfinite(number) else None
