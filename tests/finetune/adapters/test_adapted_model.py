"""Frozen layers with layers inside: they stay frozen in files and copies."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import merge_adapters
from keras_transfer.finetune.adapters.adapted_model import AdaptedModel
from tests.finetune.adapters import models

SHAPES = [(7, 2), (2, 3)]


def _recurrent():
    return keras.Sequential(
        [
            keras.Input((4, 5)),
            layers.Bidirectional(layers.LSTM(4)),
            layers.Dense(7, name="before"),
            layers.Dense(3, name="dense"),
        ]
    )


def _attention():
    model = models.attention(cross=True)
    x = layers.Dense(7, name="before")(model.output)
    return keras.Model(model.input, layers.Dense(3, name="dense")(x))


@pytest.mark.parametrize("create", [_recurrent, _attention])
def test_files_and_copies(create, tmp_path):
    base = create()
    model = add_adapters(base, LoRA(rank=2, target="dense"))
    assert isinstance(model, AdaptedModel) and model.name == base.name
    copy = keras.models.clone_model(model)
    for other in (model, models.reloaded(model, tmp_path), copy):
        assert models.learning(other) == SHAPES
    second = add_adapters(model, LoRA(rank=2, target="dense"), "second")
    assert models.learning(models.reloaded(second, tmp_path)) == SHAPES


def test_what_learns_beside_is_not_frozen(tmp_path):
    model = add_adapters(
        _recurrent(), LoRA(rank=2, target="dense"), also_train="bidirectional*"
    )
    assert len(models.learning(model)) == 6 + 2
    again = models.reloaded(model, tmp_path)
    assert models.learning(again) == models.learning(model)


@pytest.mark.slow
def test_training_and_merging():
    base = _recurrent()
    model = add_adapters(base, LoRA(rank=2, target="dense"))
    model.compile("adam", "mse")
    x = models.rows(4, 4, 5)
    model.fit(x, models.rows(4, 3), verbose=0)
    merged = merge_adapters(model)
    np.testing.assert_allclose(merged(x), model(x), atol=1e-5)
    assert type(merged) is type(_attention())
    assert models.learning(merged) == models.learning(base)


def test_other_models_keep_their_class():
    assert type(add_adapters(models.dense(), LoRA())) is keras.Sequential
    model = add_adapters(models.attention(), LoRA(target="attention"))
    assert not isinstance(model, AdaptedModel)
