import json

import numpy as np
import pytest

from keras_transfer.transferability.ben_david_bound import ben_david_bound
from keras_transfer.transferability.proxy_a_distance import proxy_a_distance


def _domains(generator, shift=0.0, rows=150, flipped=False):
    x = generator.normal(size=(2 * rows, 3))
    y = (x[:, 1] > 0).astype(int)
    x[rows:, 0] += shift
    target = 1 - y[rows:] if flipped else y[rows:]
    return x[:rows], y[:rows], x[rows:], target


def test_the_parts_are_what_they_say(generator):
    x, y, target, labels = _domains(generator, shift=1.0)
    predictions = np.where(np.arange(150) < 30, 1 - y, y)
    report = ben_david_bound(
        x,
        y,
        target,
        labels,
        source_predictions=predictions,
        target_predictions=np.eye(2)[labels],
    )
    distance = proxy_a_distance(x, target)
    assert report.source_error == pytest.approx(0.2)
    assert report.source_interval[0] < 0.2 < report.source_interval[1]
    assert report.divergence == pytest.approx(distance.distance / 2)
    low, high = distance.interval
    assert report.divergence_interval == pytest.approx((low / 2, high / 2))
    assert report.joint_error < 0.15  # one linear rule serves both
    assert report.target_error == 0.0
    assert report.total == pytest.approx(
        report.source_error + report.divergence + report.joint_error
    )


def test_it_bounds_the_target_error_of_the_default_classifier(generator):
    for shift in (0.0, 1.0, 3.0):
        report = ben_david_bound(*_domains(generator, shift))
        assert report.target_error <= report.total


def test_domains_that_contradict_have_a_joint_error(generator):
    agree = ben_david_bound(*_domains(generator))
    contradict = ben_david_bound(*_domains(generator, flipped=True))
    assert agree.joint_error < 0.15
    assert contradict.joint_error > 0.7
    assert contradict.divergence < 0.2
    assert contradict.target_error > 0.8


def test_without_target_labels_two_parts_are_left(generator):
    x, y, target, _ = _domains(generator)
    report = ben_david_bound(x, y, target)
    assert report.joint_error is None and report.target_error is None
    assert report.total == report.source_error + report.divergence
    assert "joint error          unknown, it needs target labels" in str(report)


def test_labels_may_be_names(generator):
    x, y, target, labels = _domains(generator)
    names = np.array(["no", "yes"])
    expected = ben_david_bound(x, y, target, labels)
    assert ben_david_bound(x, names[y], target, names[labels]) == expected


def test_predictions_of_the_source_alone_leave_the_target_error_open(generator):
    x, y, target, labels = _domains(generator)
    report = ben_david_bound(x, y, target, labels, source_predictions=y)
    assert report.source_error == 0.0
    assert report.target_error is None
    assert report.joint_error is not None


def test_rows_are_drawn(generator):
    x, y, target, labels = _domains(generator)
    report = ben_david_bound(x, y, target, labels, max_rows=40)
    assert report == ben_david_bound(x, y, target, labels, max_rows=40)
    wide = report.source_interval[1] - report.source_interval[0]
    whole = ben_david_bound(x, y, target, labels).source_interval
    assert wide > 1.3 * (whole[1] - whole[0])


def test_the_report_is_readable_and_json(generator):
    report = ben_david_bound(*_domains(generator, 9.0, flipped=True))
    lines = str(report).splitlines()
    assert len(lines) == 5
    assert "supremum may be more" in lines[1]
    assert "says nothing above 1" in lines[3]
    contents = json.loads(json.dumps(report.to_dict()))
    assert contents["total"] == report.total


def test_wrong_arguments_are_refused(generator):
    x, y, target, labels = _domains(generator)
    with pytest.raises(ValueError, match="without `source_predictions`"):
        ben_david_bound(x, y, target, labels, target_predictions=labels)
    with pytest.raises(ValueError, match="`source_predictions` has 3 rows"):
        ben_david_bound(x, y, target, source_predictions=y[:3])
    for given in (y[:3], None):
        with pytest.raises(ValueError, match="one label for each row"):
            ben_david_bound(x, given, target)
