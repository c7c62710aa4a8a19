"""`keras-transfer finetune` on small folders of real files."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.callbacks import run_folder
from keras_transfer.cli import main as cli
from keras_transfer.explain import evidence
from tests.cli import strokes

SMALL = ["--head-epochs", "2", "--epochs", "1", "--batch-size", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return strokes.write(tmp_path_factory.mktemp("strokes"))


@pytest.fixture
def run(folder, tmp_path, capsys):
    def run_finetune(*options, backbone="omniglot_conv4"):
        status = cli.main(
            [
                "finetune",
                *("--images", str(folder), "--backbone", backbone),
                *("--out", str(tmp_path / "run"), *SMALL, *options),
            ]
        )
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_finetune


@pytest.mark.slow
def test_head_then_all_is_trained_saved_and_served(run):
    status, out, _ = run("--class-weights", "--json")
    assert status == 0
    report = json.loads(out)
    head, full = report["table"]
    assert (head["stage"], full["stage"]) == ("head", "full")
    assert (head["epochs"], full["epochs"]) == (2, 1)
    # 64 features to 2 classes; then the convolutions too.
    assert head["learning_weights"] == 130 < full["learning_weights"]
    for key in ("model", "saved_model", "curves", "class_names", "results"):
        assert pathlib.Path(report[key]).exists(), key
    history = json.loads(pathlib.Path(report["results"]).read_text())["history"]
    assert len(history["head"]["val_accuracy"]) == 2
    for stage, folder in report["runs"].items():
        run = run_folder.read(folder)
        assert run.facts["config"]["stage"] == stage
        found = run.history["val_accuracy"]
        assert found == history[stage]["val_accuracy"]
        seen = evidence.read(folder)
        assert seen.source.rows == 0
        assert seen.target.accuracy == pytest.approx(found[-1])
    model = keras.saving.load_model(report["model"], safe_mode=False)
    x = np.zeros((2, 28, 28, 3), "float32")
    x[0, 13:16], x[1, :, 13:16] = 255.0, 255.0
    predict = tf.saved_model.load(report["saved_model"]).signatures["predict"]
    served = predict(image=tf.constant(x))
    np.testing.assert_allclose(
        served["scores"],
        keras.ops.softmax(model.predict(x, verbose=0)),
        atol=1e-5,
    )


@pytest.mark.slow
def test_the_table_is_printed(run):
    status, out, _ = run("--strategy", "head")
    assert status == 0
    assert "32 images of 2 classes, 8 more held out." in out
    assert "learning weights" in out and "saved model" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "hed"], "invalid choice: 'hed'"),
        (["--validation", "1.5"], "validation_split"),
        (["--images", "none_such"], "none_such"),
    ],
)
def test_bad_input_is_one_line_before_any_training(
    run, tmp_path, options, message
):
    try:
        status, _, err = run(*options)
    except SystemExit as leaving:
        status, err = leaving.code, message
    assert status == 2
    assert message in err and err.count("\n") <= 1
    assert not (tmp_path / "run").exists()


def test_an_unknown_backbone_is_one_line_with_the_closest_names(run):
    status, _, err = run(backbone="omniglot_conv5")
    assert status == 2
    assert "omniglot_conv4" in err and err.count("\n") == 1
