"""The report: where adapters are, what they missed, and numbers."""

import keras
import pytest
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import adapter_report
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import set_adapter
from tests.finetune.adapters import models


def test_two_adapters():
    model = add_adapters(models.dense(), LoRA(rank=2), "a", also_train="head")
    model = add_adapters(model, IA3("head"), "b")
    set_adapter(model, {"a": 0.25})
    report = adapter_report(model)
    assert report.matched == {"a": ("dense_1", "dense_2"), "b": ("head",)}
    assert report.strengths == {"a": 0.25, "b": 0}
    assert report.learning == ("a",)
    learnt = 2 * (5 + 6) + 2 * (6 + 6)
    base = models.dense().count_params()
    assert report.trained_weights == learnt
    assert report.total_weights == base + learnt + 3 + 3
    assert str(report).splitlines() == [
        "a: LoRA at 2 layers (counts 0.25, learns): dense_1, dense_2",
        "b: IA3 at 1 layer (counts 0): head",
        f"{learnt} of {report.total_weights} weights learn.",
    ]


def test_what_was_missed_and_what_learns_beside():
    base = keras.Sequential(
        [
            keras.Input((8, 4)),
            layers.Conv1D(4, 3, groups=2, name="grouped"),
            layers.Conv1D(4, 3, name="conv"),
            layers.Dense(3, name="head"),
        ]
    )
    with pytest.warns(UserWarning, match="cannot be reached"):
        model = add_adapters(base, LoRA(target="*"), also_train="head")
    report = adapter_report(model)
    assert report.unreachable == {"default": {"grouped": "has groups=2"}}
    assert report.also_trained == ("head",)
    assert "  not at grouped: it has groups=2" in str(report)
    assert "also learns: head" in str(report)


def test_a_plain_model():
    report = adapter_report(models.dense())
    assert report.adapters == {} and report.learning == ()
    assert report.trained_weights < report.total_weights
