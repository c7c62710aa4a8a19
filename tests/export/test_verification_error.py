"""The error of an export that is not as its model."""

import pytest

from keras_transfer import export


@pytest.mark.parametrize("text", ["it differs", "it differs."])
def test_the_error_names_the_first_failure_and_carries_all(text):
    checks = [
        export.Check("loads", "pass"),
        export.Check("predict", "fail", text),
        export.Check("features", "fail", "too"),
    ]
    report = export.Report("1", checks, {})
    error = export.VerificationError(report)
    assert str(error) == (
        "The export was not published: 2 of 3 checks fail. predict: it differs."
    )
    assert error.report is report
