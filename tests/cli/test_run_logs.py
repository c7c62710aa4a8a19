"""Where the commands log what they train."""

import pytest

from keras_transfer.cli import run_logs


def test_an_earlier_run_is_removed_and_nothing_else(tmp_path):
    folder = tmp_path / run_logs.RUNS / "dann"
    folder.mkdir(parents=True)
    for name in ("run.json", "notes.txt"):
        (folder / name).write_text("{}")
    log = run_logs.fresh(tmp_path, "dann", seed=3)
    assert log.folder == folder and log.seed == 3
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_nothing_is_removed_for_settings_that_will_not_do(tmp_path):
    folder = tmp_path / run_logs.RUNS / "dann"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="`config`"):
        run_logs.fresh(tmp_path, "dann", config=[])
    assert (folder / "run.json").exists()
