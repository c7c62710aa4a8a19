"""The report as a browser shows it: nothing missing, nothing cut."""

import pytest

from keras_transfer import explain
from tests.explain import browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        browser.find() is None,
        reason="there is no Chromium; tests/install_chromium.sh installs it",
    ),
]

#: Elements that stick out of the page, those in a box that scrolls excepted.
STICKING_OUT = """
[...document.querySelectorAll("body *")]
  .filter(e => !e.closest(".scroll") && !e.closest("svg"))
  .concat([...document.querySelectorAll("svg, .scroll")])
  .filter(e => e.getBoundingClientRect().width > 0)
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1
            || e.getBoundingClientRect().left < -1)
  .map(e => e.outerHTML.slice(0, 80))
"""
#: Texts of charts that are drawn outside of their chart.
CUT_TEXTS = """
[...document.querySelectorAll("svg")].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")]
    .map(text => [text.textContent, text.getBoundingClientRect()])
    .filter(([_, r]) => r.width > 0 && (r.left < box.left - 2
      || r.right > box.right + 2 || r.top < box.top - 2
      || r.bottom > box.bottom + 2))
    .map(([text, _]) => text);
})
"""
MISSING = """
[...document.images].filter(i => !i.complete || i.naturalWidth === 0)
  .map(i => i.alt)
"""


@pytest.fixture(scope="module")
def page(quick_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    return explain.report(quick_root, folder / "report.html")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    opened = browser.Browser(browser.find(), tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_missing_and_nothing_is_cut(chromium, page, width, is_dark):
    chromium.open(page, width, is_dark=is_dark, is_phone=width < 500)
    # What is folded is looked at too.
    chromium.value(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    assert chromium.value("innerWidth") == width
    assert chromium.value("document.scrollingElement.scrollWidth") <= width
    assert chromium.value(MISSING) == []
    assert chromium.value(STICKING_OUT) == []
    assert chromium.value(CUT_TEXTS) == []
    assert chromium.value("document.querySelectorAll('svg, img').length") > 8
    dark = chromium.value("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(20, 22, 26)") == is_dark
    assert chromium.errors == []


def test_nothing_is_loaded_but_the_page(chromium, page):
    chromium.requests.clear()
    chromium.open(page, 1280)
    addresses = {url.split(":")[0] for url in chromium.requests}
    assert addresses <= {"file", "data"}
    files = {url for url in chromium.requests if url.startswith("file")}
    assert files == {page.resolve().as_uri()}


def test_the_checks_see_what_is_wrong(chromium, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="data:image/png;base64,AAAA" alt="broken">'
        '<p style="width: 3000px">wide</p>'
        '<svg width="50" height="20"><text y="10">a long text</text></svg>'
        "<script>console.error('seen')</script>"
    )
    before = len(chromium.errors)
    chromium.open(page, 1280)
    assert chromium.value(MISSING) == ["broken"]
    assert any("wide" in html for html in chromium.value(STICKING_OUT))
    assert chromium.value(CUT_TEXTS) == ["a long text"]
    assert chromium.value("document.scrollingElement.scrollWidth") > 1280
    assert len(chromium.errors) > before
    del chromium.errors[before:]
