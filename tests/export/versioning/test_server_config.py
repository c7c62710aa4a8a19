"""A config for a folder of models, which loses nothing of an older one."""

import os

import pytest

from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning.server_config import server_config
from keras_transfer.export.versioning.versions import promote
from keras_transfer.export.versioning.versions import prune
from tests.export.versioning.served_folders import check_servable
from tests.export.versioning.served_folders import write_version


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    for number in (1, 2, 10):
        write_version(folder / "flowers", number)
    write_version(folder / "few shots", 1)
    (folder / ".partial_x").mkdir()
    (folder / "notes").mkdir()
    (folder / "broken" / "1").mkdir(parents=True)
    (folder / "file").write_text("")
    return folder


def _summary(text):
    return {
        entry.name: (entry.base_path, entry.versions, entry.labels)
        for entry in models_config.read(text)
    }


def test_models_with_a_version_are_named_and_the_newest_is_stable(served):
    assert _summary(server_config(served)) == {
        "few shots": (str(served / "few shots"), (1,), {"stable": 1}),
        "flowers": (str(served / "flowers"), (10,), {"stable": 10}),
    }
    assert sorted(os.listdir(served)) == sorted(
        [".partial_x", "broken", "few shots", "file", "flowers", "notes"]
    )


def test_broken_versions_are_not_taken(served):
    (served / "flowers" / "10" / "saved_model.pb").unlink()
    assert _summary(server_config(served))["flowers"][1] == (2,)


def test_labels_of_the_folder_are_taken(served):
    promote(served / "flowers", 1)
    promote(served / "flowers", 2)
    assert _summary(server_config(served))["flowers"][1:] == (
        (1, 2),
        {"stable": 2, "previous": 1},
    )


@pytest.mark.parametrize("prefix", ["/models", "/models/"])
def test_the_server_s_path(served, prefix):
    text = server_config(served, prefix=prefix)
    assert _summary(text)["flowers"][0] == "/models/flowers"


def test_a_file_is_extended_and_then_kept(served, tmp_path):
    out = tmp_path / "models.config"
    out.write_text(
        '# mine\nmodel_config_list { config { name: "flowers" '
        'base_path: "/m/flowers" model_version_policy { all { } } } }\n'
    )
    old = out.read_text()
    text = server_config(served, out, prefix="/models")
    assert out.read_text() == text
    assert text.startswith(old[:-4])
    summary = _summary(text)
    assert summary["flowers"] == ("/m/flowers", (), {})
    assert summary["few shots"][0] == "/models/few shots"
    before = out.stat()
    assert server_config(served, out) == text
    assert out.stat() == before


def test_from_the_config_to_a_new_version(served, tmp_path):
    out = tmp_path / "models.config"
    server_config(served, out, prefix="/models")
    base = served / "flowers"
    write_version(base, 11)
    assert not promote(base, 11).is_finished
    assert promote(base, 11, finish=True).is_finished
    assert prune(base, keep=1).removed == (1, 2)
    _, entries = models_config.load(out)
    flowers = {entry.name: entry for entry in entries}["flowers"]
    assert flowers.labels == {"stable": 11, "previous": 10}
    assert flowers.versions == (10, 11)
    assert sorted(os.listdir(base)) == ["10", "11"]
    assert check_servable(base) == {}


@pytest.mark.parametrize(
    ("folder", "complaint"),
    [
        ("gs://bucket/served", "`folder`.*sync it with the cloud's"),
        ("none", "`folder`.*an existing folder"),
        ("notes", "`folder`.*a folder with models in it, as flowers/1"),
        ("flowers", "`folder`.*It is a model itself: give .*served"),
    ],
)
def test_other_folders_are_refused(served, monkeypatch, folder, complaint):
    monkeypatch.chdir(served)
    with pytest.raises(ValueError, match=complaint):
        server_config(folder, "models.config")
    assert not (served / "models.config").exists()


def test_a_relative_prefix_is_refused(served):
    with pytest.raises(ValueError, match="`prefix`.*an absolute path"):
        server_config(served, prefix="models")


def test_a_file_that_is_no_config_is_left(served, tmp_path):
    out = tmp_path / "models.config"
    out.write_text("nonsense")
    with pytest.raises(ValueError, match=f"{out} cannot be read"):
        server_config(served, out)
    assert out.read_text() == "nonsense"
