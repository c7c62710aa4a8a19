import json

import numpy as np
import pytest

from keras_transfer import weighting


def test_figures_are_those_of_the_weights(generator):
    weights = generator.exponential(size=250)
    weights[:50] = 0
    found = weighting.report(weights)
    assert found.rows == 250
    assert found.effective_rows == weighting.effective_sample_size(weights)
    assert found.largest == pytest.approx(weights.max() / weights.mean())
    top = np.sort(weights)[-3:].sum() / weights.sum()
    assert found.top_share == pytest.approx(top)
    assert found.zero_share == pytest.approx(0.2, abs=0.01)
    assert found.warnings == ()
    assert json.loads(json.dumps(found.to_dict()))["rows"] == 250


def test_equal_weights_are_not_warned_of():
    for rows in (1, 5, 1000):
        assert weighting.report(np.ones(rows)).warnings == ()


def test_few_effective_rows_are_warned_of():
    weights = np.append(np.ones(5), np.full(995, 1e-6))
    (found,) = [w for w in weighting.report(weights).warnings if "Only" in w]
    assert "Only 5.0 of 1000 rows are effective" in found and "clip" in found


def test_a_heavy_row_is_warned_of():
    weights = np.append(np.ones(5000), 60.0)
    (found,) = weighting.report(weights).warnings
    assert "One row weighs 59 times the mean" in found


def test_it_prints_as_a_table():
    lines = str(weighting.report([1.0, 3.0])).splitlines()
    assert lines[0].split()[:3] == ["rows", "effective", "share"]
    assert lines[2].split()[:4] == ["2", "1.6", "0.800", "1.500"]
    assert len(lines) == 3
