"""Files of adapters: small, whole, and without objects of Python."""

import json

import numpy as np
import pytest

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import save_adapters
from keras_transfer.finetune.adapters import save_adapters as saving
from tests.finetune.adapters import models


@pytest.fixture
def model():
    return add_adapters(models.dense(), LoRA(rank=2), "a", also_train="head")


def test_what_is_in_it(model, tmp_path):
    path = tmp_path / "a.npz"
    save_adapters(model, path, "a")
    with np.load(path, allow_pickle=False) as file:
        names = set(file) - {"description"}
        description = json.loads(str(file["description"]))
        b = file["adapter/dense_1:1"]
    assert names == {
        *(f"adapter/dense_{i}:{j}" for i in (1, 2) for j in (0, 1)),
        "beside/head:0",
        "beside/head:1",
    }
    assert description["name"] == "a"
    assert description["adapter"]["config"]["rank"] == 2
    np.testing.assert_array_equal(b, model.layers[0].branches["a"].b)


def test_it_is_written_whole_or_not_at_all(model, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    path.write_bytes(b"before")

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space"):
        save_adapters(model, path, "a")
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_an_unknown_name(model, tmp_path):
    with pytest.raises(ValueError, match="`name`.*one of 'a'"):
        save_adapters(model, tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())
    assert callable(saving)
