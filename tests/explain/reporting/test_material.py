import json

import pytest

from keras_transfer.callbacks import run_folder
from keras_transfer.explain.reporting import material
from tests.explain.reporting import small_runs


def _run(folder, started="2026-01-01"):
    folder.mkdir(parents=True)
    run_folder.write_facts(folder, {"timings": {"started": started}})
    return folder


def test_names_are_as_short_as_is_unambiguous(tmp_path):
    _run(tmp_path / "a" / "dann")
    _run(tmp_path / "b" / "dann", "2026-01-02")
    _run(tmp_path / "b" / "dan", "2026-01-03")
    found = material.gather([tmp_path / "a", tmp_path / "b"])
    assert [e.name for e in found.entries] == ["a/dann", "b/dann", "dan"]
    assert found.name == "a and b"


def test_a_run_that_is_named_twice_is_one(tmp_path):
    folder = _run(tmp_path / "a" / "dann")
    found = material.gather([tmp_path / "a", folder, str(folder)])
    assert len(found.entries) == 1


def test_results_and_the_newest_version_of_each_model(tmp_path):
    _run(tmp_path / "runs" / "dann")
    (tmp_path / "results.json").write_text(json.dumps({"chosen": "dann"}))
    for version in ("1", "2", "10"):
        small_runs.card(tmp_path / "served" / "digits" / version, version)
    small_runs.card(tmp_path / "served" / "other" / "3", "o")
    found = material.gather([tmp_path])
    assert found.results == ({"chosen": "dann"},)
    assert {k: card["model"] for k, card in found.exports.items()} == {
        "served/digits/10": "10",
        "served/other/3": "o",
    }


def test_results_between_a_folder_and_its_runs(tmp_path):
    for recipe in ("a", "b"):
        _run(tmp_path / "out" / recipe / "seed_0")
        results = tmp_path / "out" / recipe / "results.json"
        results.write_text(json.dumps({"recipe": recipe}))
    # Above what was asked for nothing is read.
    (tmp_path / "results.json").write_text(json.dumps({"recipe": "c"}))
    found = material.gather([tmp_path / "out"])
    assert {r["recipe"] for r in found.results} == {"a", "b"}


def test_without_anything_beside_the_runs(tmp_path):
    found = material.gather([_run(tmp_path / "dann")])
    assert (found.results, found.exports) == ((), {})
    assert found.entries[0].evidence is None


@pytest.mark.parametrize(
    ("folders", "message"),
    [([], "at least one folder"), (["none_such"], "There is no folder")],
)
def test_nothing_to_gather(folders, message):
    with pytest.raises(ValueError, match=message):
        material.gather(folders)


def test_results_that_are_no_json(tmp_path):
    _run(tmp_path / "dann")
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(ValueError, match="results.json is no JSON"):
        material.gather([tmp_path])
