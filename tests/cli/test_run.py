"""`keras-transfer run`."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_transfer.cli import main as cli
from tests.cli.recipes import recipe_text

SMALLEST = recipe_text.SHIPPED / "digits_on_photos.toml"


@pytest.fixture
def run(capsys, monkeypatch):
    """The command, in this process, which must not become deterministic."""
    calls = []
    monkeypatch.setattr(
        tf.config.experimental,
        "enable_op_determinism",
        lambda: calls.append("deterministic"),
    )

    def run_recipes(*arguments):
        status = cli.main(["run", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    run_recipes.calls = calls
    return run_recipes


def _start(out):
    """The smallest recipe in a process of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "keras_transfer_command"),
            *("run", SMALLEST, "--out", out),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=recipe_text.SHIPPED.parents[1],
    )


@pytest.mark.slow
def test_two_processes_print_the_same_to_the_last_digit(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    printed, kept = [], []
    # At the same time, so that threads meet in another order.
    for process, out in [(_start(out), out) for out in folders]:
        text, errors = process.communicate()
        assert process.returncode == 0, errors
        printed.append(text.replace(str(out), "OUT"))
        results = out / SMALLEST.stem / "results.json"
        kept.append(json.loads(results.read_text())["mean"])
    assert "target test" in printed[0] and "seed 0" in printed[0]
    assert printed[0] == printed[1]
    # To all digits that are kept, not only those that are printed.
    assert kept[0] == kept[1]


def test_a_dry_run_builds_the_model_and_writes_nothing(run, tmp_path):
    out = tmp_path / "out"
    status, text, _ = run(SMALLEST, "--dry-run", "--out", out)
    assert status == 0
    assert text == (
        "digits_on_photos: rows: source 600, source test 200, target 2400, "
        "target test 1588; 78,330 parameters\n"
    )
    assert not out.exists()
    assert run.calls == ["deterministic"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted(recipe_text.SHIPPED.glob("*.toml")), ids=lambda p: p.stem
)
def test_every_shipped_recipe_is_ready_where_the_data_are(run, path):
    if not recipe_text.SHARED.is_dir():
        pytest.skip("there is no folder ../shared/data")
    status, text, err = run(path, "--dry-run", "--data", recipe_text.SHARED)
    assert status == 0, err
    assert text.startswith(f"{path.stem}: rows: ")


def test_a_table_with_what_was_recorded(run, tmp_path, fake_recipe):
    recipe, data = fake_recipe
    out = tmp_path / "out"
    status, text, _ = run(recipe, "--data", data, "--out", out)
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == "digits: Features of two domains."
    assert lines[2].split() == ["target", "test"]
    assert [line.split("  ")[0] for line in lines[4:8]] == [
        "seed 0",
        "seed 3",
        "mean",
        "standard deviation",
    ]
    assert lines[8].split() == ["recorded", "2026-11-30", "12.50"]
    assert f"keras-transfer report {out / 'digits'}" in text


def test_json_is_one_object(run, tmp_path, fake_recipe):
    recipe, data = fake_recipe
    options = [
        "--data",
        data,
        "--out",
        tmp_path / "out",
        "--seeds",
        3,
        "--json",
    ]
    status, text, _ = run(recipe, *options)
    assert status == 0
    (report,) = json.loads(text)["recipes"]
    assert [found["seed"] for found in report["runs"]] == [3]
    assert report["recipe"] == "digits"


def test_the_last_recipe_is_read_before_the_first_is_run(
    run, tmp_path, fake_recipe
):
    recipe, data = fake_recipe
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("seeds = 3")
    out = tmp_path / "out"
    status, text, err = run(recipe, wrong, "--data", data, "--out", out)
    assert status == 2
    assert text == "" and err.count("\n") == 1
    assert f"keras-transfer: {wrong}: " in err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "none"], "There is no folder none of data."),
        (["--seeds", "-1"], None),
        (["--seeds", "x"], None),
    ],
    ids=["folder", "negative", "text"],
)
def test_bad_options_are_one_line(run, options, message):
    try:
        status, _, err = run(SMALLEST, *options)
    except SystemExit as leaving:
        status, err = leaving.code, ""
    assert status == 2
    assert message is None or message in err


@pytest.fixture
def fake_recipe(tmp_path):
    """A recipe of two seeds that takes no time, and its data."""
    folder = tmp_path / "data"
    folder.mkdir()
    path = recipe_text.write(tmp_path, recipe_text.SUBSPACE, ("[0]", "[0, 3]"))
    figures = "\n[figures]\ndate = 2026-11-30\nmean = {target_test = 12.5}\n"
    path.write_text(path.read_text() + figures)
    return path, recipe_text.write_data(folder)
