"""Recipes of fine-tuning."""

import numpy as np
import pytest

from keras_transfer import callbacks
from keras_transfer.callbacks import run_folder
from keras_transfer.cli.recipes.finetune_run import FinetuneRun
from tests.cli.recipes import recipe_text


def test_a_head_learns_and_nothing_else(fake_data):
    run = recipe_text.run_of(FinetuneRun, recipe_text.FINETUNE, fake_data)
    assert run.domains.target[0].shape == (100, 28, 28, 1)
    assert run.steps == 5
    learning = [weight.path for weight in run.model.trainable_weights]
    assert learning == ["head/kernel", "head/bias"]
    run.fit([])
    figures = run.figures()
    assert 0 <= figures["target_test"] <= 100
    x, y = run.domains.target_test
    right = run.model.predict(x, verbose=0).argmax(axis=1) == y
    assert figures["target_test"] == pytest.approx(100 * right.mean())
    assert run.evidence()["source"] is run.domains.target


@pytest.mark.slow
def test_the_head_first_and_then_all_in_one_log(fake_data, tmp_path):
    text = recipe_text.FINETUNE.replace(
        '"head"', '"full"\nhead_epochs = 3\nhead_learning_rate = 1e-3'
    )
    run = recipe_text.run_of(FinetuneRun, text, fake_data)
    assert run.stages[0] == ("head", 3, 1e-3)
    assert run.stages[1] == ("full", 2, 1e-2)
    kernel = np.array(run.model.get_layer("head").kernel)
    run.fit([callbacks.RunLog(tmp_path)])
    assert len(run.model.trainable_weights) > 2
    assert (np.array(run.model.get_layer("head").kernel) != kernel).any()
    rows = run_folder.read_rows(tmp_path)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
