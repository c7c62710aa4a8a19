"""`keras-transfer adapt` on small folders of real files."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_transfer.cli import main as cli
from keras_transfer.explain import evidence

SMALL = ["--size", "16", "--epochs", "2", "--batch-size", "8"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Dark and bright source images; target images of two sizes."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(40):
        name = "bright" if index % 2 else "dark"
        low = 150 if index % 2 else 0
        pixels = rng.integers(low, low + 100, (20, 24, 3)).astype("uint8")
        for folder, image in (
            (root / "source" / name, Image.fromarray(pixels)),
            (root / "target" / "deep", Image.fromarray(pixels // 2)),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            image.resize((20 + index % 3, 18)).save(folder / f"{index}.png")
    return root


@pytest.fixture
def run(folders, tmp_path, capsys):
    def run_adapt(*options, target="target"):
        status = cli.main(
            [
                "adapt",
                *("--source", str(folders / "source")),
                *("--target", str(folders / target)),
                *("--out", str(tmp_path / "run")),
                *options,
            ]
        )
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_adapt


@pytest.mark.slow
def test_damaged_files_are_refused_or_skipped_by_name(run, folders):
    damaged = folders / "with_damage"
    damaged.mkdir()
    for path in (folders / "target" / "deep").iterdir():
        (damaged / path.name).write_bytes(path.read_bytes())
    (damaged / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    status, out, err = run(*SMALL, target="with_damage")
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert "cut.png" in err
    status, out, _ = run(*SMALL, "--skip-corrupt", target="with_damage")
    assert status == 0
    assert "Skipped, damaged: " in out and "cut.png" in out
    assert "Target: 40 images" in out


@pytest.mark.slow
def test_it_trains_compares_and_exports(run):
    status, out, _ = run(*SMALL, "--method", "all", "--json")
    assert status == 0
    report = json.loads(out)
    assert [row["method"] for row in report["table"]] == [
        "source_only",
        "dann",
        "dan",
        "deep_coral",
    ]
    assert report["chosen"] in ("dann", "dan", "deep_coral")
    for key in ("model", "saved_model", "picture", "class_names", "results"):
        assert pathlib.Path(report[key]).exists(), key
    assert list(report["runs"]) == [row["method"] for row in report["table"]]
    seen = evidence.read(report["runs"]["dann"])
    assert seen.class_names == ("bright", "dark")
    assert seen.target.labels is None and seen.target.maps is not None
    names = pathlib.Path(report["class_names"]).read_text().split()
    assert names == ["bright", "dark"]
    model = keras.saving.load_model(report["model"])
    x = np.full((2, 16, 16, 3), 200.0, "float32")
    predict = tf.saved_model.load(report["saved_model"]).signatures["predict"]
    np.testing.assert_allclose(
        predict(image=tf.constant(x))["logits"],
        model.predict(x, verbose=0),
        atol=1e-5,
    )


@pytest.mark.slow
def test_a_seed_repeats_a_run_with_a_discriminator_too(run):
    rows = []
    for _ in range(2):
        status, out, _ = run(*SMALL, "--method", "dann", "--json")
        assert status == 0
        rows.append(
            [row["information_minus_risk"] for row in json.loads(out)["table"]]
        )
    assert rows[0] == pytest.approx(rows[1], abs=1e-4)


@pytest.mark.slow
def test_it_starts_from_a_model_of_one_s_own_and_says_what_it_resolved(
    run, tmp_path
):
    inputs = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Flatten(name="flat")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    model.save(tmp_path / "own.keras")
    status, out, _ = run(
        *("--model", str(tmp_path / "own.keras"), "--method", "dan"),
        *("--features", "flat", "--epochs", "1", "--batch-size", "8"),
    )
    assert status == 0
    assert "dan: MeanDiscrepancy, Multi-kernel maximum mean discrepancy" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "dnn"], "Did you mean 'dann' or 'dan'"),
        (["--features", "none_such"], "none_such"),
        (["--batch-size", "1", "--method", "deep_coral"], "at least 2 rows"),
        (["--model", "none.keras"], "There is no model file none.keras"),
    ],
)
def test_bad_input_is_one_line_before_any_training(
    run, tmp_path, options, message
):
    status, _, err = run(*SMALL, *options)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1, "something was trained first"
    assert not (tmp_path / "run").exists()


def test_a_model_of_other_classes_is_refused(run, tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(5)]
    )
    model.save(tmp_path / "own.keras")
    status, _, err = run("--model", str(tmp_path / "own.keras"))
    assert status == 2
    assert "The model has 5 outputs and the source 2 classes" in err
