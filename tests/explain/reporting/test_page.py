import builtins
import re

import pytest

from keras_transfer.explain.reporting import inline
from keras_transfer.explain.reporting import page
from keras_transfer.explain.reporting import tables
from keras_transfer.explain.reporting.sections import Section

CHART = inline.Chart("<svg></svg>", "seen", "said & done", 400)
TABLE = tables.Table(["run", "<i>"], [["<b>a</b>", "1"]], "cap", (0,))


def _render(**fields):
    section = Section("key", "Head & title", **fields)
    return page.render("<title>", ["One.", "Two <3."], [section])


def test_what_is_text_is_escaped_and_charts_are_not():
    html = _render(tables=[TABLE], charts=[CHART], text="a < b")
    assert "<svg></svg>" in html
    for text in ("&lt;title&gt;", "One. Two &lt;3.", "a &lt; b", "&lt;i&gt;"):
        assert text in html
    assert "<b>" not in html and "&lt;b&gt;a" in html
    assert "said &amp; done" in html
    assert '<tr class="marked">' in html


def test_folded_parts_hold_charts_and_tables():
    html = _render(folded={"More": [TABLE, CHART]})
    details = re.search("<details>.*</details>", html, re.DOTALL)[0]
    assert "<table" in details and "<svg>" in details


def test_the_contents_point_to_the_sections():
    html = _render()
    assert '<a href="#key">Head &amp; title</a>' in html
    assert '<section id="key">' in html


def test_without_jinja2_one_sentence_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "jinja2":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"keras-transfer\[explain\]"):
        _render()
