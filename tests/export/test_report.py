"""What is said about an export, for people and for JSON."""

import json
import math
import os

from keras_transfer import export
from keras_transfer.export.check import STATUSES

CHECKS = [export.Check(status, status, "words") for status in STATUSES]


def test_only_a_failure_counts_as_one():
    passed = export.Report("1", [c for c in CHECKS if c.status != "fail"], {})
    assert passed.passed
    assert passed.failures == []
    failed = export.Report("1", CHECKS, {})
    assert not failed.passed
    assert [check.name for check in failed.failures] == ["fail"]


def test_a_report_is_a_path():
    report = export.Report("served/flowers/3", [], {})
    assert os.fspath(report) == str(report) == os.path.join(*report.path.parts)
    assert report.path.name == "3"


def test_the_largest_difference_is_that_of_all_signatures():
    differences = {
        "predict": export.Difference(1e-7, 1.0),
        "features": export.Difference(1e-6),
    }
    assert export.Report("1", [], differences).largest_difference == 1e-6
    assert export.Report("1", [], {}).largest_difference == 0


def test_json_of_a_report():
    differences = {
        "predict": export.Difference(0.5, 0.75),
        "features": export.Difference(math.inf),
    }
    report = export.Report("served/1", CHECKS[:1], differences, 1.26)
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(text) == {
        "path": str(report.path),
        "passed": True,
        "seconds": 1.3,
        "largest_difference": None,
        "differences": {
            "predict": {"largest": 0.5, "agreement": 0.75},
            "features": {"largest": None, "agreement": None},
        },
        "checks": [{"name": "pass", "status": "pass", "text": "words"}],
    }
