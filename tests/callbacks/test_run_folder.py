import json

import pytest

from keras_transfer.callbacks import run_folder


def _write(folder, started="2026-01-01", rows=()):
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"status": "finished", "timings": {"started": started}}
    run_folder.write_facts(folder, facts)
    run_folder.write_rows(folder, rows)


def test_what_is_written_is_read(tmp_path):
    rows = [{"epoch": 0, "loss": 0.1}, {"epoch": 1, "loss": 1e-12}]
    _write(tmp_path, rows=rows)
    assert run_folder.read_rows(tmp_path) == rows
    run = run_folder.read(tmp_path)
    assert run.facts["schema"] == run_folder.SCHEMA
    assert run.history == {"epoch": [0, 1], "loss": [0.1, 1e-12]}
    assert run.num_epochs == 2


def test_a_column_that_comes_later_leaves_the_others_in_place(tmp_path):
    rows = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5, "val_loss": 2}]
    run_folder.write_rows(tmp_path, rows)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines == ["epoch,loss,val_loss", "0,1.0,", "1,0.5,2"]
    _write(tmp_path, rows=rows)
    assert run_folder.read(tmp_path).history["val_loss"] == [None, 2.0]


def test_numbers_come_back_to_the_last_bit_and_nan_too(tmp_path):
    value = 0.1 + 0.2
    run_folder.write_rows(
        tmp_path,
        [{"epoch": 0, "loss": value, "b": float("nan"), "c": float("inf")}],
    )
    (row,) = run_folder.read_rows(tmp_path)
    assert row["loss"] == value
    assert row["b"] != row["b"]
    assert row["c"] == float("inf")


def test_an_empty_folder_has_neither_facts_nor_rows(tmp_path):
    assert run_folder.read_facts(tmp_path) is None
    assert run_folder.read_rows(tmp_path) == []
    with pytest.raises(ValueError, match="There is no run.json in"):
        run_folder.read(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema": "x"}'])
def test_a_file_of_something_else(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match="is not what RunLog writes"):
        run_folder.read_facts(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(ValueError, match="schema 99, and this .* up to 1"):
        run_folder.read_facts(tmp_path)


@pytest.mark.parametrize("text", ["epoch,loss\n0,what\n", "loss\n1.0\n"])
def test_a_table_of_something_else(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(ValueError, match="metrics.csv is not what RunLog"):
        run_folder.read_rows(tmp_path)


def test_runs_are_found_at_and_below_a_folder_oldest_first(tmp_path):
    _write(tmp_path / "runs" / "late", "2026-03-01")
    _write(tmp_path / "runs" / "early", "2026-02-01")
    _write(tmp_path / "own", "2026-01-01")
    found = run_folder.find(tmp_path)
    assert [run.path.name for run in found] == ["own", "early", "late"]
    (run,) = run_folder.find(tmp_path / "own")
    assert run.path == tmp_path / "own"


def test_a_folder_without_runs_or_none_at_all(tmp_path):
    with pytest.raises(ValueError, match="There is no run in"):
        run_folder.find(tmp_path)
    with pytest.raises(ValueError, match="There is no folder"):
        run_folder.find(tmp_path / "none")


def test_only_the_run_is_cleared(tmp_path):
    _write(tmp_path)
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "mine.txt").write_text("kept")
    run_folder.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    run_folder.clear(tmp_path / "none")


def test_a_crash_leaves_the_facts_whole(tmp_path):
    _write(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        run_folder.write_facts(tmp_path, {"bad": float("nan")})
    assert (tmp_path / "run.json").read_bytes() == before
