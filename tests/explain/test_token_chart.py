"""Words on the colour of their attribution."""

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_transfer import explain


def test_each_token_is_on_its_colour():
    figure = explain.token_chart(["not", "good", "at", "$x$"], [-2, 1, 0, 2])
    axis, bar = figure.axes
    assert [t.get_text() for t in axis.texts] == ["not", "good", "at", "$x$"]
    against, in_favour, neither, most = (
        np.array(patch.get_facecolor()) for patch in axis.patches
    )
    np.testing.assert_allclose(neither, 1.0, atol=0.01)
    assert against[2] > against[0]  # blue
    assert in_favour[0] > in_favour[2]  # orange
    assert most[2] < in_favour[2]  # deeper
    assert "logit" in bar.get_xlabel()
    for kind in ("png", "svg"):
        figure.savefig(io.BytesIO(), format=kind)


def test_no_two_tokens_overlap():
    rng = np.random.default_rng(0)
    tokens = ["w" * length for length in rng.integers(1, 15, 80)]
    figure = explain.token_chart(tokens, rng.normal(size=80))
    axis = figure.axes[0]
    FigureCanvasAgg(figure).draw()
    boxes = [text.get_window_extent() for text in axis.texts]
    lines = {}
    for box in boxes:
        lines.setdefault(round(box.y0), []).append(box)
    assert len(lines) > 3
    whole = axis.get_window_extent()
    for line in lines.values():
        for left, right in zip(line, line[1:], strict=False):
            assert left.x1 < right.x0
        assert line[-1].x1 <= whole.x1 + 2


def test_all_zero_is_white():
    figure = explain.token_chart(["a", "b"], [0.0, 0.0])
    for patch in figure.axes[0].patches:
        np.testing.assert_allclose(patch.get_facecolor(), 1.0, atol=0.01)


@pytest.mark.parametrize("values", [[1.0], [[1.0, 2.0]], []])
def test_one_number_for_each_token(values):
    with pytest.raises(ValueError, match="each of the 2 tokens"):
        explain.token_chart(["a", "b"], values)
