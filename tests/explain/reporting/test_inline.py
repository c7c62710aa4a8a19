import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer.explain.reporting import inline


def _figure(points=3, title="a", axis="x"):
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    values = np.random.default_rng(0).random((points, 2))
    axes.scatter(*values.T, c=values[:, 0])
    axes.set_title(title)
    axes.set_xlabel(axis)
    return figure


def test_a_small_figure_is_svg_with_its_text():
    chart = inline.chart(lambda: _figure(title="1.23456"), "seen", "said")
    assert chart.html.startswith('<svg class="drawing" viewBox="0 0 288 216"')
    assert chart.caption == "said"
    assert chart.width == 384
    element = ElementTree.fromstring(_parsable(chart.html))
    assert element.get("aria-label") == "seen"
    # Numbers in texts are not cut as those of places are.
    assert ">1.23456<" in chart.html
    assert not re.search(r' d="[^"]*\d\.\d{3}', chart.html)
    assert "metadata" not in chart.html and "<style" not in chart.html


def test_a_large_figure_is_a_png():
    chart = inline.chart(lambda: _figure(3000), 'the "points"')
    assert chart.html.startswith('<img class="drawing"')
    assert 'src="data:image/png;base64,iVBOR' in chart.html
    assert "alt='the \"points\"'" in chart.html
    assert 'width="384" height="288"' in chart.html


def test_the_smaller_one_is_taken():
    large = inline.chart(lambda: _figure(700), "a")
    with inline._page_style():
        sizes = [
            len(inline._svg(_figure(700), "a", False)),
            len(inline._png(_figure(700), "a", False)),
        ]
    assert len(large.html) == pytest.approx(min(sizes), abs=200)


def test_ids_differ_between_figures_of_a_page():
    ids = [
        set(re.findall(r'\bid="([^"]+)"', inline.chart(_figure, "a").html))
        for _ in range(2)
    ]
    assert ids[0] and not ids[0] & ids[1]


def test_references_point_into_their_own_figure():
    html = inline.chart(_figure, "a").html
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html)
    assert used
    assert {one or other for one, other in used} <= ids


def test_labels_of_photographs_take_the_page_s_colour():
    photo = inline.chart(_figure, "a", is_photo=True).html
    assert 'class="photo"' in photo and "currentColor" in photo
    assert "currentColor" not in inline.chart(_figure, "a").html


@pytest.mark.parametrize(
    "text", ["$2 < 3 & <b>", "日本語 classes", 'say "x"', "<script>"]
)
def test_what_a_user_has_written_is_text(text):
    html = inline.chart(lambda: _figure(title=text), text).html
    element = ElementTree.fromstring(_parsable(html))
    assert element.get("aria-label") == text
    assert "<script" not in html and "<b>" not in html
    texts = ["".join(part.itertext()) for part in element.iter()]
    assert text in texts


def _parsable(html):
    """A fragment of HTML as XML, which wants its name spaces."""
    spaces = (
        'xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" '
    )
    return html.replace("<svg ", f"<svg {spaces}", 1)
