"""The weights of one adapter, by path and number."""

from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import adapter_arrays
from keras_transfer.finetune.adapters import add_adapters
from tests.finetune.adapters import models


def _shapes(variables):
    return {key: tuple(v.shape) for key, v in variables.items()}


def test_only_those_of_the_adapter():
    model = add_adapters(models.dense(), LoRA(rank=2), "a")
    model = add_adapters(model, DoRA(rank=1, target="head"), "b")
    assert _shapes(adapter_arrays.adapter_variables(model, "a")) == {
        "dense_1:0": (5, 2),
        "dense_1:1": (2, 6),
        "dense_2:0": (6, 2),
        "dense_2:1": (2, 6),
    }
    assert list(adapter_arrays.adapter_variables(model, "b")) == [
        "head:0",
        "head:1",
        "head:2",
    ]


def test_those_beside():
    model = add_adapters(models.dense(), LoRA(rank=2), also_train="norm")
    beside = adapter_arrays.variables_beside(model)
    assert _shapes(beside) == {f"norm:{i}": (6,) for i in range(4)}
    named = adapter_arrays.variables_beside(model, ["head"])
    assert _shapes(named) == {"head:0": (6, 3), "head:1": (3,)}
