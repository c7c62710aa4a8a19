"""What was found out about an export."""

import dataclasses
import math
import os
import pathlib

STATUSES = ("pass", "warn", "fail", "skip")


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it was, in a few words.
        status: `"pass"`, `"warn"`, `"fail"` or `"skip"`.
        text: What was found, and what to do about it.
    """

    name: str
    status: str
    text: str = ""


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far the answers of a signature are from those of the model.

    Attributes:
        largest: Largest absolute difference of a number, relative to the
            largest number of the output where that is above 1.
        agreement: Share of rows whose best class, or string, is the same;
            `None` where an output has neither.
    """

    largest: float
    agreement: float | None = None


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


class VerificationError(RuntimeError):
    """An export that answers otherwise than its model; it is not published.

    Attributes:
        report: The `Report`.

    Args:
        report: The `Report`, with at least one failure.

    Example:

    >>> from keras_transfer import export
    >>> check = export.Check("predict", "fail", "largest difference 0.1")
    >>> error = export.VerificationError(export.Report("1", [check], {}))
    >>> len(error.report.failures)
    1
    """

    def __init__(self, report):
        first = report.failures[0]
        super().__init__(
            f"The export was not published: {len(report.failures)} of "
            f"{len(report.checks)} checks fail. {first.name}: "
            f"{first.text.rstrip('.')}."
        )
        self.report = report
