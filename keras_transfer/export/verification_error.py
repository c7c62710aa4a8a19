"""The error of an export that is not as its model."""


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
