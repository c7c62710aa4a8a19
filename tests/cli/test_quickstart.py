"""`keras-transfer quickstart`, with a small budget."""

import json
import pathlib

import pytest
import tensorflow as tf

from keras_transfer import data
from keras_transfer.callbacks import run_folder
from keras_transfer.cli import main as cli
from keras_transfer.cli import quickstart
from keras_transfer.explain import evidence


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
    assert list(report["runs"]) == list(table)
    for method, folder in report["runs"].items():
        run = run_folder.read(folder)
        assert run.num_epochs == 2
        assert run.facts["config"] == {"method": method}
        figures = run.facts["figures"]
        assert figures["target_test"] == table[method]["target_test"]
        assert figures[score] == table[method][score]
        assert ("negative_transfer_gap" in figures) == (method != "source_only")
        seen = evidence.read(folder)
        assert seen.notes == ()
        # What the report draws is what the table says.
        assert seen.target.accuracy == pytest.approx(
            table[method]["target_test"]
        )
    page = out / "report.html"
    assert cli.main(["report", str(out), "--out", str(page)]) == 0
    assert f"{report['chosen']} was chosen by" in page.read_text("utf-8")
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
