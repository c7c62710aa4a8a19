"""Accuracy over confidence."""

import numpy as np
from matplotlib.figure import Figure

from keras_transfer import explain

LABELS = np.array([0, 0, 1, 1, 1])
ROWS = np.array(
    [[0.75, 0.25], [0.25, 0.75], [0.25, 0.75], [0.45, 0.55], [0.0, 1.0]]
)


def test_points_bars_and_error_are_those_of_the_bins():
    figure = explain.reliability_diagram({"target": (LABELS, ROWS)}, 4)
    (axis,) = figure.axes
    error = explain.expected_calibration_error(LABELS, ROWS, 4)
    assert axis.get_title(loc="left") == (
        f"target, calibration error {error:.3f}"
    )
    points = {line.get_label(): line for line in axis.lines}
    # Bins up to 0.75 and up to 1; the empty ones have no point.
    np.testing.assert_allclose(
        points["accuracy"].get_xydata(), [[0.7, 0.75], [1.0, 1.0]]
    )
    heights = [bar.get_height() for bar in axis.patches]
    np.testing.assert_allclose(heights, [0, 0, 0.8, 0.2])
    assert axis.get_xlabel() and axis.get_ylabel()


def test_each_title_has_a_panel():
    axes = Figure().subplots(1, 2)
    given = {"before": (LABELS, ROWS), "after": (LABELS, ROWS[::-1])}
    assert explain.reliability_diagram(given, axes=axes) is axes[0].figure
    assert [axis.get_title(loc="left").split(",")[0] for axis in axes] == [
        "before",
        "after",
    ]
