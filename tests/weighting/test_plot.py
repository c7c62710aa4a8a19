import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer import weighting


def test_the_curve_is_the_share_of_the_heaviest():
    figure = weighting.plot([3.0, 1.0, 0.0, 0.0])
    (line,) = figure.axes[1].lines
    np.testing.assert_allclose(line.get_xdata(), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(line.get_ydata(), [0, 0.75, 1, 1, 1])


def test_the_histogram_holds_all_rows(generator):
    weights = {"a": generator.exponential(size=40), "b": np.ones(7)}
    figure = weighting.plot(weights)
    assert len(figure.axes[0].patches) == 2
    for patch in figure.axes[0].patches:
        heights = patch.get_xy()[:, 1]
        assert 0 < heights.max() <= 1


def test_given_axes_are_drawn_on():
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert weighting.plot([1.0, 2.0], axes=axes) is figure
    assert axes[0].get_xlabel() == "weight / mean"


def test_it_can_be_saved(tmp_path):
    path = tmp_path / "weights.png"
    weighting.plot({"flat": [1.0, 1.0], "one": [1.0, 0.0]}).savefig(path)
    assert path.stat().st_size > 5000


def test_bad_weights_are_named():
    with pytest.raises(ValueError, match="`KMM` must be finite"):
        weighting.plot({"KMM": [np.nan]})
