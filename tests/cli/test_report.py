"""`keras-transfer report`."""

import json

import pytest

from keras_transfer.cli import main as cli
from tests.explain.reporting import small_runs


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_runs.write(tmp_path_factory.mktemp("quick"))


def test_the_page_is_made_and_the_runs_are_printed(root, tmp_path, capsys):
    out = tmp_path / "page.html"
    title = ["--title", "Mine"]
    assert cli.main(["report", str(root), "--out", str(out), *title]) == 0
    printed = capsys.readouterr().out
    assert "source_only" in printed and "dann" in printed
    assert f"{out}: 2 runs" in printed
    assert "<title>Mine</title>" in out.read_text("utf-8")


def test_json(root, tmp_path, capsys):
    out = tmp_path / "page.html"
    run = root / "runs" / "dann"
    assert cli.main(["report", str(run), "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["report"] == str(out)
    assert found["bytes"] == out.stat().st_size
    assert found["runs"] == {"dann": str(run)}


@pytest.mark.parametrize(
    ("run", "out", "message"),
    [
        ("none_such", "a.html", "There is no folder"),
        (".", "a.pdf", "ends in .html"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, run, out, message):
    given = ["report", str(tmp_path / run), "--out", str(tmp_path / out)]
    assert cli.main(given) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err and captured.err.count("\n") == 1
