"""Loading: into the base, in place, and files that do not fit."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import BitFit
from keras_transfer.finetune.adapters import BottleneckAdapter
from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import SideTuning
from keras_transfer.finetune.adapters import adapter_report
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import load_adapters
from keras_transfer.finetune.adapters import save_adapters
from tests.finetune.adapters import models

X = models.rows(4, 5)


def _side():
    return SideTuning(
        keras.Sequential([keras.Input((5,)), layers.Dense(6)]), "dense_2"
    )


ADAPTERS = {
    "lora": lambda: LoRA(rank=2),
    "dora": lambda: DoRA(rank=2),
    "ia3": lambda: IA3("dense*"),
    "bit_fit": BitFit,
    "bottleneck": lambda: BottleneckAdapter(2),
    "side": _side,
}


@pytest.fixture
def base():
    return models.dense()


def _saved(base, adapter, path, name="a", **arguments):
    model = add_adapters(base, adapter, name, **arguments)
    models.shake(model)
    save_adapters(model, path, name)
    return model


@pytest.mark.parametrize("name", ADAPTERS)
def test_into_the_base(base, name, tmp_path):
    path = tmp_path / "a.npz"
    model = _saved(base, ADAPTERS[name](), path, also_train="head")
    again = load_adapters(base, path)
    np.testing.assert_array_equal(again(X), model(X))
    assert adapter_report(again) == adapter_report(model)
    assert not again.compiled
    renamed = load_adapters(base, path, name="other")
    assert list(adapter_report(renamed).matched) == ["other"]


def test_in_place(base, tmp_path):
    path = tmp_path / "a.npz"
    saved = _saved(base, LoRA(rank=2), path)
    model = add_adapters(base, LoRA(rank=2, dropout=0.5), "a")
    model = add_adapters(model, LoRA(rank=3), "b")
    model.compile("adam", "mse")
    assert load_adapters(model, path) is model
    assert model.compiled and adapter_report(model).learning == ("b",)
    branch = model.layers[0].branches["a"]
    np.testing.assert_array_equal(branch.b, saved.layers[0].branches["a"].b)


def test_beside_another_adapter(base, tmp_path):
    path = tmp_path / "a.npz"
    saved = _saved(base, LoRA(rank=2), path)
    model = add_adapters(base, LoRA(rank=3), "b")
    both = load_adapters(model, path)
    assert list(adapter_report(both).matched) == ["b", "a"]
    np.testing.assert_array_equal(both(X), saved(X))


def test_bfloat16(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    base, path = models.dense(), tmp_path / "a.npz"
    model = _saved(base, LoRA(rank=2), path, also_train="head")
    again = load_adapters(base, path)
    np.testing.assert_array_equal(
        models.outputs(again, X), models.outputs(model, X)
    )


def _values(model):
    return [np.array(w) for w in model.weights]


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        (LoRA(rank=3), "holds LoRA with rank=2, the model has LoRA with rank"),
        (LoRA(rank=2, alpha=8), "alpha=16, the model has LoRA with alpha=8"),
        (DoRA(rank=2), "holds LoRA with .* the model has DoRA"),
        (
            LoRA(rank=2, target="dense_1"),
            "at layer 'dense_2' it has weights of shape .* has no weights",
        ),
    ],
    ids=["rank", "alpha", "kind", "target"],
)
def test_another_adapter_changes_nothing(base, tmp_path, adapter, message):
    path = tmp_path / "a.npz"
    _saved(base, LoRA(rank=2), path)
    model = add_adapters(base, adapter, "a")
    before = _values(model)
    with pytest.raises(ValueError, match=message):
        load_adapters(model, path)
    for old, new in zip(before, _values(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_another_base(base, tmp_path):
    path = tmp_path / "a.npz"
    _saved(base, LoRA(rank=2), path, also_train="head")
    for other in (models.dense(width=7), models.dense(outputs=4)):
        with pytest.raises(ValueError, match="belongs to another base: at la"):
            load_adapters(other, path)
        model = add_adapters(other, LoRA(rank=2), "a")
        before = _values(model)
        with pytest.raises(ValueError, match="Nothing was changed"):
            load_adapters(model, path)
        for old, new in zip(before, _values(model), strict=True):
            np.testing.assert_array_equal(old, new)


def test_other_files(base, tmp_path):
    path = tmp_path / "file.npz"
    path.write_bytes(b"something")
    with pytest.raises(ValueError, match="`path`.*that save_adapters wrote"):
        load_adapters(base, path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ValueError, match="`path`.*that save_adapters wrote"):
        load_adapters(base, path)
    np.savez(path, description=np.array('{"format": 99}'))
    with pytest.raises(ValueError, match="`path`.*of format 1"):
        load_adapters(base, path)
    with pytest.raises(FileNotFoundError):
        load_adapters(base, tmp_path / "nothing.npz")
