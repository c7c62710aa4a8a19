"""The command line: one line for bad input, clean JSON."""

import json
import os
import subprocess
import sys

import pytest

import keras_transfer as kt
from keras_transfer.cli import main as cli


def test_version_is_the_package_s(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == kt.__version__


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["adapt"],
        ["adapt", "--source", "a", "--target", "b", "--out", "c", "--size=0"],
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("keras-transfer")
    assert captured.err.count("\n") == 1


def test_json_stands_alone_on_standard_output(capsys, monkeypatch):
    def run(arguments, reporter):
        print("a library that prints")
        reporter.line("for people")
        reporter.table(["a"], [[1]])
        return {"answer": 42}

    monkeypatch.setattr("keras_transfer.cli.quickstart.run", run)
    assert cli.main(["quickstart", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"answer": 42}
    assert "a library that prints" in captured.err


def test_a_table_has_aligned_columns(capsys, monkeypatch):
    def run(arguments, reporter):
        reporter.table(["method", "score"], [["dann", 0.5], ["dan", 10.25]])

    monkeypatch.setattr("keras_transfer.cli.quickstart.run", run)
    assert cli.main(["quickstart"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "method   score",
        "------  ------",
        "dann     0.500",
        "dan     10.250",
    ]


@pytest.mark.slow
def test_the_installed_command_answers_bad_input_with_one_line(tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "keras_transfer_command",
            *("adapt", "--source", str(tmp_path / "none")),
            *("--target", str(tmp_path), "--out", str(tmp_path / "run")),
            "--json",
        ],
        capture_output=True,
        text=True,
        check=False,
        # Without the log level of the tests, as for a user.
        env={
            name: value
            for name, value in os.environ.items()
            if name != "TF_CPP_MIN_LOG_LEVEL"
        },
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("keras-transfer: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
