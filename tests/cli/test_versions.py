"""The commands for versions, as a user types them."""

import json

import pytest

from keras_transfer.cli import main as cli
from tests.export.versioning.served_folders import write_config
from tests.export.versioning.served_folders import write_version
from tests.export.versioning.status_server import StatusServer
from tests.export.versioning.status_server import listening


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "served" / "flowers"
    for number in (1, 2, 3, 4):
        write_version(base, number)
    labels = {"stable": 2, "previous": 1}
    write_config(tmp_path / "models.config", base, [1, 2], labels)
    return base


def _run(capsys, *arguments):
    assert cli.main([*map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def _json(capsys, *arguments):
    return json.loads(_run(capsys, *arguments, "--json"))


def _cells(line):
    return line.split()


def test_list(base, capsys):
    lines = _run(capsys, "versions", base, "list").splitlines()
    assert _cells(lines[0])[:3] == ["version", "labels", "served"]
    assert [_cells(line)[:3] for line in lines[2:]] == [
        ["1", "previous", "yes"],
        ["2", "stable", "yes"],
        ["3", "-", "no"],
        ["4", "-", "no"],
    ]
    found = _json(capsys, "versions", base, "list")["versions"]
    assert [version["number"] for version in found] == [1, 2, 3, 4]
    assert found[1]["labels"] == ["stable"]
    assert found[1]["path"] == str(base / "2")


def test_list_of_an_empty_folder(tmp_path, capsys):
    out = _run(capsys, "versions", tmp_path, "list")
    assert out == "There are no versions.\n"


def test_promote_in_two_steps_and_roll_back(base, capsys):
    out = _run(capsys, "versions", base, "promote", 3)
    next_step = f"keras-transfer versions {base} promote 3 --finish"
    assert out.splitlines()[-1].endswith(next_step)
    # The command that was printed is the command that goes on.
    result = _json(capsys, *next_step.split()[1:])
    assert result == {
        "stable": 3,
        "previous": 2,
        "served": [2, 3],
        "is_finished": True,
        "next_step": "",
    }
    result = _json(capsys, "versions", base, "rollback")
    assert (result["stable"], result["previous"]) == (2, 3)


def test_promote_with_a_server(base, tmp_path, capsys):
    stand_in = StatusServer(tmp_path / "models.config")
    with listening(stand_in.answer) as server:
        out = _run(capsys, "versions", base, "promote", 3, "--server", server)
    assert "--finish" not in out
    assert [_cells(line)[1] for line in out.splitlines()[3:5]] == [
        "previous",
        "stable",
    ]
    assert stand_in.refused == []


def test_prune(base, capsys):
    (base / ".pruned_0").mkdir()
    out = _run(capsys, "versions", base, "prune", "--keep", 1)
    assert out.splitlines() == [
        "removed version 3",
        "removed .pruned_0, left by a crash",
        "kept version 1: labelled previous",
        "kept version 2: labelled stable",
    ]
    out = _run(capsys, "versions", base, "prune", "--keep", 3)
    assert out == "Nothing to remove.\n"
    result = _json(capsys, "versions", base, "prune", "--keep", 1)
    assert result["removed"] == []
    assert result["refused"] == {
        "1": "labelled previous",
        "2": "labelled stable",
    }


def test_config_and_model_are_passed_on(base, tmp_path, capsys):
    other = tmp_path / "other.config"
    write_config(other, "/models/x", [4], {"stable": 4}, name="x")
    place = ("--config", other, "--model", "x")
    for verb in (["list"], ["promote", 4], ["prune", "--keep", 1]):
        result = _json(capsys, "versions", base, *verb, *place)
    assert result["removed"] == [1, 2, 3]
    assert cli.main(["versions", str(base), "rollback", *map(str, place)]) == 2
    assert "label 'previous'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["gs://bucket/flowers", "list"],
        ["BASE", "promote", "9"],
        ["BASE", "promote", "3", "--finish"],
        ["BASE", "promote", "3", "--server", "127.0.0.1:9"],
        ["BASE", "list", "--config", "none.config"],
        ["none", "prune"],
    ],
)
def test_bad_input_is_one_line(base, tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    arguments = [str(base) if a == "BASE" else a for a in arguments]
    assert cli.main(["versions", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("keras-transfer: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["BASE"], ["BASE", "promote"], ["BASE", "prune", "--keep", "0"]],
)
def test_wrong_usage_is_one_line(base, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["versions", *arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
