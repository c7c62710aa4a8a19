"""The command that writes a server's config."""

import json

import pytest

from keras_transfer.cli import main as cli
from keras_transfer.export.versioning import models_config
from tests.export.versioning.served_folders import write_version


@pytest.fixture
def served(tmp_path):
    for number in (1, 2):
        write_version(tmp_path / "served" / "flowers", number)
    return tmp_path / "served"


def test_without_a_file_the_config_is_printed(served, capsys):
    assert cli.main(["serve-config", str(served), "--prefix", "/models"]) == 0
    (entry,) = models_config.read(capsys.readouterr().out)
    assert entry.base_path == "/models/flowers"
    assert entry.labels == {"stable": 2}


def test_with_a_file_a_table_is_printed(served, tmp_path, capsys):
    out = tmp_path / "models.config"
    assert cli.main(["serve-config", str(served), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == [
        "flowers",
        str(served / "flowers"),
        "2",
        "stable=2",
    ]
    assert lines[-1] == f"Written: {out}"
    assert len(models_config.load(out)[1]) == 1


@pytest.mark.parametrize(
    ("policy", "shown"),
    [("latest { num_versions: 2 }", "newest 2  "), ("all { }", "all  ")],
)
def test_other_policies_are_shown(served, tmp_path, capsys, policy, shown):
    out = tmp_path / "models.config"
    out.write_text(
        'model_config_list { config { name: "flowers" base_path: "/f" '
        f"model_version_policy {{ {policy} }} }} }}"
    )
    assert cli.main(["serve-config", str(served), "--out", str(out)]) == 0
    assert shown in capsys.readouterr().out.splitlines()[2]


def test_json(served, tmp_path, capsys):
    out = str(tmp_path / "models.config")
    assert cli.main(["serve-config", str(served), "--out", out, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["out"] == out
    assert models_config.read(result["config"])
    assert result["models"] == [
        {
            "name": "flowers",
            "base_path": str(served / "flowers"),
            "policy": "specific",
            "versions": [2],
            "labels": {"stable": 2},
        }
    ]


@pytest.mark.parametrize("folder", ["s3://bucket/served", "none"])
def test_bad_input_is_one_line(folder, capsys):
    assert cli.main(["serve-config", folder]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("keras-transfer: ")
    assert captured.err.count("\n") == 1
