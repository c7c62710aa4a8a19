"""Bars of columns."""

import numpy as np
import pytest

from keras_transfer import explain


def labels(figure):
    return [t.get_text() for t in figure.axes[0].get_yticklabels()]


def test_the_largest_is_at_the_top_whatever_its_sign():
    figure = explain.feature_chart(["a", "b", "c"], [0.1, -3.0, 2.0])
    (axis,) = figure.axes
    assert labels(figure) == ["b", "c", "a"] and axis.yaxis_inverted()
    widths = [bar.get_width() for bar in axis.patches]
    np.testing.assert_allclose(widths, [-3.0, 2.0, 0.1])
    colors = [bar.get_facecolor() for bar in axis.patches]
    assert colors[0] != colors[1] == colors[2]
    assert "logit" in axis.get_xlabel()


def test_rows_are_points_around_their_mean():
    values = np.array([[1.0, -5.0], [2.0, 5.0]])
    figure = explain.feature_chart(["a", "b"], values)
    (axis,) = figure.axes
    assert labels(figure) == ["b", "a"]  # signs cancel, sizes do not
    widths = [bar.get_width() for bar in axis.patches]
    np.testing.assert_allclose(widths, [0.0, 1.5])
    points = axis.collections[0].get_offsets()
    assert sorted(points[:, 0]) == [-5, 1, 2, 5]


def test_only_the_largest_are_drawn():
    figure = explain.feature_chart(list("abcdef"), range(6), most=2)
    assert labels(figure) == ["f", "e"]


@pytest.mark.parametrize(
    ("names", "values", "most"),
    [(["a"], [1.0, 2.0], 5), ([], [], 5), (["a"], [1.0], 0)],
    ids=["fewer names", "none", "no bars"],
)
def test_what_does_not_belong_together(names, values, most):
    with pytest.raises(ValueError, match="Expected"):
        explain.feature_chart(names, values, most)
