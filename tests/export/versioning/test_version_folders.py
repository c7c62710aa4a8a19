"""What counts as a version, and how one is removed."""

import os
import re
import time

import pytest

from keras_transfer.export.versioning import version_folders
from tests.export.versioning.served_folders import write_version


@pytest.mark.parametrize(
    "url", ["gs://bucket/served", "s3://b", "http://host/x", "hdfs://a/b"]
)
def test_urls_are_refused_with_advice(url, tmp_path):
    with pytest.raises(ValueError, match="`base`.*sync it with the cloud's"):
        version_folders.local_folder("base", url)
    with pytest.raises(ValueError, match="sync it with the cloud's"):
        version_folders.local_path("config", url)


def test_local_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert version_folders.local_folder("base", ".") == tmp_path
    assert version_folders.local_path("out", "new") == tmp_path / "new"
    with pytest.raises(ValueError, match="`base`.*an existing folder"):
        version_folders.local_folder("base", "new")


def test_versions_are_folders_named_by_integers(tmp_path):
    for number in ("10", "9", "007"):
        write_version(tmp_path, number)
    for other in (".partial_x", "1a", "v1", "-3", "¹", "1.5"):
        (tmp_path / other).mkdir()
    (tmp_path / "11").write_text("a file")
    found = version_folders.find(tmp_path)
    assert [*found.items()] == [
        (7, tmp_path / "007"),
        (9, tmp_path / "9"),
        (10, tmp_path / "10"),
    ]
    write_version(tmp_path, "09")
    with pytest.raises(ValueError, match="version 9 twice, as 09 and 9"):
        version_folders.find(tmp_path)


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        ("saved_model.pb", "saved_model.pb is missing"),
        ("variables/variables.index", "variables.index is missing"),
        ("variables/variables.data-00000-of-00001", "data-. is missing"),
    ],
)
def test_an_incomplete_version_is_told(tmp_path, missing, problem):
    version = write_version(tmp_path, 1)
    assert version_folders.problem(version) is None
    (version / missing).unlink()
    assert re.search(problem, version_folders.problem(version))


def test_shards_are_counted_and_a_model_may_have_no_variables(tmp_path):
    version = write_version(tmp_path, 1)
    data = version / "variables" / "variables.data-00000-of-00001"
    first = data.rename(data.with_name("variables.data-00000-of-00002"))
    assert "only 1 are there" in version_folders.problem(version)
    first.with_name("variables.data-00001-of-00002").write_bytes(b"")
    assert version_folders.problem(version) is None
    for path in (version / "variables").iterdir():
        path.unlink()
    (version / "variables").rmdir()
    assert version_folders.problem(version) is None


def test_size_is_that_of_all_files(tmp_path):
    version = write_version(tmp_path, 1)
    assert version_folders.size(version) == len("graph 1index" + "data")


def test_labels_round_trip(tmp_path):
    assert version_folders.read_labels(tmp_path) == {}
    version_folders.write_labels(tmp_path, {"stable": 2, "previous": 1})
    assert version_folders.read_labels(tmp_path) == {
        "stable": 2,
        "previous": 1,
    }
    assert os.listdir(tmp_path) == ["labels.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"labels": {"stable": "x"}}', '{"labels": 3}']
)
def test_broken_labels_are_refused(tmp_path, text):
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(ValueError, match="labels.json cannot be read"):
        version_folders.read_labels(tmp_path)


def test_removing_a_version_and_a_link_to_one(tmp_path):
    elsewhere = write_version(tmp_path / "elsewhere", 2)
    base = tmp_path / "base"
    version_folders.remove(write_version(base, 1))
    (base / "2").symlink_to(elsewhere)
    version_folders.remove(base / "2")
    assert [*base.iterdir()] == []
    assert version_folders.problem(elsewhere) is None


def test_leftovers_of_crashes_are_removed_but_no_running_export(tmp_path):
    write_version(tmp_path, 1)
    (tmp_path / ".pruned_3" / "assets").mkdir(parents=True)
    old, resumed, new = (
        tmp_path / f".partial_{name}" for name in ("old", "resumed", "new")
    )
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    for folder in (old, resumed, new):
        folder.mkdir()
        (folder / "file").write_text("")
    for path in (old / "file", old, resumed):
        os.utime(path, (two_days_ago, two_days_ago))
    (tmp_path / ".partial_labels.json").write_text("")
    (tmp_path / ".hidden").mkdir()
    os.utime(tmp_path / ".partial_labels.json", (two_days_ago, two_days_ago))
    assert version_folders.clean(tmp_path) == [
        ".partial_labels.json",
        ".partial_old",
        ".pruned_3",
    ]
    assert sorted(os.listdir(tmp_path)) == [
        ".hidden",
        ".partial_new",
        ".partial_resumed",
        "1",
    ]
