import numpy as np
import pytest

from keras_transfer.explain.reporting import material
from keras_transfer.explain.reporting import pictures
from tests.explain.reporting.test_tables import entry


@pytest.fixture(scope="module")
def entries(quick_root):
    return material.gather([quick_root]).entries


def _alts(charts):
    return [chart.alt for chart in charts]


def test_curves_of_all_runs_and_of_some(entries):
    common, others = pictures.curves(entries)
    assert {alt.split(" over")[0] for alt in _alts(common)} == {
        "accuracy",
        "loss",
    }
    assert {alt.split(" over")[0] for alt in _alts(others)} == {
        "dann loss",
        "domain accuracy",
    }


def test_a_gap_in_a_history_is_no_error():
    history = {"epoch": [0, 1], "loss": [1.0, 0.5], "val_loss": [None, 0.5]}
    common, _ = pictures.curves([entry(history=history)])
    assert len(common) == 1


def test_matrices_and_diagrams_of_each_run(entries):
    for draw in (pictures.confusions, pictures.reliability):
        charts = draw(entries, "target")
        assert len(charts) == 2
        assert "dann, target" in charts[1].html
    # Class names that look like mathematics or HTML stay text.
    html = pictures.confusions(entries, "target")[0].html
    assert "$2" in html and "&lt;b&gt;three" in html and "<b>" not in html


def test_features_distances_and_maps(entries):
    assert len(pictures.features(entries)) == 2
    assert len(pictures.distances(entries)) == 1
    (chart,) = pictures.attributions(entries, "target")
    assert chart.alt == "Grad-CAM of source_only and dann on 2 target images"


def test_at_most_so_many_runs_are_drawn(entries, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_RUNS", 1)
    assert len(pictures.confusions(entries, "target")) == 1
    assert len(pictures.features(entries)) == 1


def test_features_are_cut_with_their_labels(entries, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_POINTS", 10)
    seen = entries[0].evidence.source
    features, labels = pictures._some_features(seen)
    assert len(features) == len(labels) == 10
    np.testing.assert_array_equal(labels, seen.feature_labels[::3])


def test_runs_without_evidence_have_no_charts_of_it():
    runs = [entry()]
    assert pictures.features(runs) == pictures.distances(runs) == []
    assert pictures.confusions(runs, "target") == []
    assert pictures.attributions(runs, "source") == []
