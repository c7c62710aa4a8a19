"""`keras-transfer quickstart`, with a small budget."""

import json
import pathlib

import pytest
import tensorflow as tf

from keras_transfer import data
from keras_transfer.cli import main as cli
from keras_transfer.cli import quickstart


@pytest.mark.slow
def test_quickstart_reports_chooses_and_saves(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(quickstart, "EPOCHS", 2)
    monkeypatch.setattr(quickstart, "STEPS_PER_EPOCH", 40)
    out = tmp_path / "run"
    assert cli.main(["quickstart", "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    table = {row["method"]: row for row in report["table"]}
    assert list(table) == ["source_only", "dann", "dan", "deep_coral"]
    for row in table.values():
        # Trained: far above the 0.1 of chance on the source.
        assert row["source_test"] > 0.5
        assert 0 <= row["target_test"] <= 1
    score = report["chosen_by"]
    assert score == "information_minus_risk"
    adapted = [row for name, row in table.items() if name != "source_only"]
    best = max(adapted, key=lambda row: row[score])
    assert report["chosen"] == best["method"]
    for key in ("model", "saved_model", "picture", "results"):
        assert pathlib.Path(report[key]).exists(), key
    predict = tf.saved_model.load(report["saved_model"]).signatures["predict"]
    x, _ = data.digits_on_photos().target_test
    logits = predict(image=tf.cast(x[:3], tf.float32))["logits"]
    assert logits.shape == (3, 10)


def test_the_methods_are_those_of_the_table():
    assert list(quickstart.terms()) == [
        "source_only",
        "dann",
        "dan",
        "deep_coral",
    ]
