"""What every family does with a recipe."""

import keras
import numpy as np
import pytest

from keras_transfer.cli.recipes.abstract_run import AbstractRun
from keras_transfer.cli.recipes.abstract_run import accuracy
from keras_transfer.cli.recipes.abstract_run import probabilities
from keras_transfer.cli.recipes.domains import Domains
from keras_transfer.cli.recipes.recipe import Budget
from keras_transfer.cli.recipes.recipe import Data
from keras_transfer.cli.recipes.recipe import Finetune
from keras_transfer.cli.recipes.recipe import Recipe
from keras_transfer.cli.recipes.recipe import Words


class Run(AbstractRun):
    def prepare(self):
        self.model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(3)]
        )

    def figures(self):
        return {}

    def _fit(self, callbacks):
        self.callbacks = callbacks


def _run(**budget):
    recipe = Recipe(
        Words("a", "A."),
        Data(),
        Finetune("finetune"),
        (0,),
        None,
        Budget(**budget),
    )
    part = (np.zeros((5, 2)), np.zeros(5, int))
    return Run(recipe, Domains(None, None, part, None, None), 0)


@pytest.mark.parametrize(
    ("schedule", "last"),
    [("constant", 0.1), ("cosine", 0.0), ("annealed", 0.1 / 11**0.75)],
)
def test_schedules_end_with_the_training(schedule, last):
    run = _run(learning_rate=0.1, schedule=schedule, epochs=4)
    rate = run.learning_rate(steps_per_epoch=5)
    if schedule == "constant":
        assert rate == last
    else:
        np.testing.assert_allclose(float(rate(0)), 0.1, rtol=1e-6)
        np.testing.assert_allclose(float(rate(20)), last, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("adamw", keras.optimizers.AdamW),
        ("sgd", keras.optimizers.SGD),
    ],
)
def test_optimizers(name, kind):
    optimizer = _run(optimizer=name, learning_rate=0.25).optimizer(5)
    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == 0.25
    if name == "sgd":
        assert optimizer.momentum == 0.9


def test_time_and_words():
    run = _run()
    assert run.describe() == "rows: target 5"
    run.prepare()
    assert run.describe() == "rows: target 5; 9 parameters"
    assert run.seconds == 0
    run.fit(["callback"])
    assert run.callbacks == ["callback"] and run.seconds > 0
    assert run.evidence() == {}


def test_accuracy_is_in_per_cent():
    logits = np.array([[3.0, 0.0], [0.0, 1.0], [2.0, 1.0], [0.0, 9.0]])
    assert accuracy(logits, np.array([0, 1, 1, 1])) == 75.0
    model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    found = probabilities(model, logits.astype("float32"))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
