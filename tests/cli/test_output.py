"""What commands print, and the files that they write."""

import json

import pytest

from keras_transfer.cli import output


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "results.json"
    output.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        output.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_without_json_lines_are_printed_and_no_object(capsys):
    with output.only_json_on_stdout(False) as reporter:
        reporter.line("for people")
        reporter.finish({"a": 1})
    assert capsys.readouterr().out == "for people\n"


def test_c_code_that_prints_does_not_reach_standard_output(capfd):
    import os

    with output.only_json_on_stdout(True) as reporter:
        os.write(1, b"from C\n")
        reporter.finish({"a": 1})
    captured = capfd.readouterr()
    assert captured.out == '{"a": 1}\n'
    assert "from C" in captured.err


def _table(capsys, headers, rows):
    with output.only_json_on_stdout(False) as reporter:
        reporter.table(headers, rows)
    return capsys.readouterr().out.splitlines()


def test_text_stands_left_and_numbers_right(capsys):
    headers = ["count", "name", "weights", "note"]
    rows = [
        [7, "a", "2,257,984", "12 x 3"],
        [-12, "long name", "-", "7"],
    ]
    assert _table(capsys, headers, rows) == [
        "count  name         weights  note",
        "-----  ---------  ---------  ------",
        "    7  a          2,257,984  12 x 3",
        "  -12  long name          -  7",
    ]


@pytest.mark.parametrize(
    "cell", ["0", "-7", "1.250", "-0.5", "2,257,984", "-", "nan", "-inf"]
)
def test_what_counts_as_a_number(capsys, cell):
    assert _table(capsys, ["wide header"], [[cell]])[2].startswith("  ")


@pytest.mark.parametrize("cell", ["a", "1.2.3", "12 x 3", "", "--", "1e", "7%"])
def test_what_counts_as_text(capsys, cell):
    assert _table(capsys, ["wide header"], [[cell]])[2] == cell


def test_a_table_without_rows_is_its_header(capsys):
    assert _table(capsys, ["a", "bc"], []) == ["a  bc", "-  --"]


def test_the_hint_is_a_command_that_can_be_copied(capsys):
    output.report_hint(output.Reporter(as_json=False), "my runs/a")
    assert capsys.readouterr().out.splitlines() == [
        "All of it on one page:",
        "  keras-transfer report 'my runs/a' --out report.html",
    ]
