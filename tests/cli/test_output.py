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
