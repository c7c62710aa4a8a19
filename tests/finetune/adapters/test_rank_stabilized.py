"""Rank-stabilized LoRA: gradients that do not fall with the rank."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import RankStabilizedLoRA
from keras_transfer.finetune.adapters import add_adapters
from tests.finetune.adapters import models


def test_scale():
    assert RankStabilizedLoRA(rank=4, alpha=6).scale == 3.0


def _change_of_one_step(adapter):
    """How far the outputs move by one step of gradient descent."""
    base = models.of_layer(layers.Dense(4, name="dense"), (8,))
    base.layers[0].kernel.assign(models.rows(8, 4))
    model = add_adapters(base, adapter)
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    x, y = models.rows(32, 8), np.zeros((32, 4))
    model.fit(x, y, batch_size=32, verbose=0)
    return np.abs(models.outputs(model, x) - models.outputs(base, x)).mean()


@pytest.mark.parametrize(
    ("kind", "expected"), [(LoRA, 1 / 16), (RankStabilizedLoRA, 1.0)]
)
def test_steps_by_rank(kind, expected):
    """A sum of r terms, each scaled twice: the change is scale^2 * r."""
    small, large = (_change_of_one_step(kind(rank=r)) for r in (32, 512))
    assert expected / 1.25 < large / small < expected * 1.25
