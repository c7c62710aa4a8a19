import re
import sys

import pytest

from keras_transfer import explain


def test_one_file_with_everything_in_it(quick_root, tmp_path):
    path = explain.report(quick_root, tmp_path / "deeper" / "report.html")
    html = path.read_text("utf-8")
    assert path.stat().st_size < 5_000_000
    assert "2 runs of DomainAdaptation (source_only and dann)" in html
    # Nothing outside of it, and no script.
    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "url(http" not in html and "@import" not in html
    # Every picture says what it shows.
    for tag in re.findall(r"<img[^>]*>", html):
        assert re.search(r"""alt=["'].+?["']""", tag)
    pictures = re.findall(r"<svg[^>]*>", html)
    assert pictures
    assert all("aria-label=" in tag for tag in pictures)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_runs_one_by_one_and_a_title(quick_root, tmp_path):
    runs = [quick_root / "runs" / "dann", quick_root / "runs" / "source_only"]
    path = explain.report(runs, tmp_path / "report.html", title="Mine & yours")
    html = path.read_text("utf-8")
    assert "<h1>Mine &amp; yours</h1>" in html
    assert "was chosen" not in html  # results.json is not in these folders


def test_what_is_too_large_is_left_out_and_named(
    quick_root, tmp_path, monkeypatch
):
    # The name in the package is the function's.
    module = sys.modules["keras_transfer.explain.report"]
    monkeypatch.setattr(module, "MOST_BYTES", 150_000)
    path = explain.report(quick_root, tmp_path / "report.html")
    html = path.read_text("utf-8")
    assert "Left out, as the page would be too large: " in html
    charts = re.findall(r"<svg.*?</svg>|<img[^>]*>", html, re.DOTALL)
    assert sum(map(len, charts)) <= 150_000


@pytest.mark.parametrize(
    ("runs", "out", "message"),
    [
        ("none_such", "report.html", "There is no folder 'none_such'"),
        ([], "report.html", "at least one folder"),
        ("none_such", "report.pdf", "`out`.*ends in .html"),
    ],
)
def test_bad_input(tmp_path, runs, out, message):
    with pytest.raises(ValueError, match=message):
        explain.report(runs, tmp_path / out)
    assert list(tmp_path.iterdir()) == []
