"""Distances of the domains, class by class, as a picture."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer import explain

GIVEN = {"before": [2.0, np.nan, 1.0], "after": [0.5, np.nan, 1.5]}


def test_each_class_has_a_line_with_its_markers():
    figure = explain.class_distance_chart(GIVEN, ["cat", "dog", "emu"])
    (axis,) = figure.axes
    line, *markers = axis.collections
    ends = [segment[:, 0].tolist() for segment in line.get_segments()]
    assert ends == [[0.5, 2.0], [1.0, 1.5]]  # none for the missing class
    for found, (title, distances) in zip(markers, GIVEN.items(), strict=True):
        assert found.get_label() == title
        known = ~np.isnan(distances)
        points = np.asarray(found.get_offsets())[known]
        np.testing.assert_array_equal(points[:, 0], np.array(distances)[known])
        np.testing.assert_array_equal(points[:, 1], np.flatnonzero(known))
    assert len({tuple(m.get_facecolor()[0]) for m in markers}) == 2
    assert "within-class spreads" in axis.get_xlabel()
    # The first class is at the top.
    bottom, top = axis.get_ylim()
    assert bottom > top


def test_one_title_and_given_axes():
    axes = Figure().subplots(1, 1, squeeze=False).ravel()
    figure = explain.class_distance_chart({"x": [1.0, 2.0]}, axes=axes)
    assert figure is axes[0].figure
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert names == ["0", "1"]


def test_too_few_names_are_refused():
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        explain.class_distance_chart(GIVEN, ["cat", "dog"])
