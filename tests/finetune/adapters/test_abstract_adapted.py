"""What learns in a layer with adapters, and how much each counts."""

import numpy as np
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters.abstract_adapted import set_trainable
from keras_transfer.finetune.adapters.adapted_layer import AdaptedLayer
from tests.finetune.adapters import models


def _layer(active=None):
    layer = AdaptedLayer(
        layers.Dense(3, name="dense"),
        {"a": LoRA(rank=1), "b": IA3("dense")},
        active,
    )
    layer.build((2, 4))
    return layer


def test_the_last_learns_unless_told_otherwise():
    assert _layer().active == ["b"]
    assert _layer(["a"]).active == ["a"]
    assert _layer([]).active == []


def test_let_learn():
    layer = _layer()
    set_trainable(layer, True)
    assert len(layer.trainable_weights) == 2 + 2 + 1
    layer.let_learn(["a", "of another layer"])
    assert models.learning(layer) == [(4, 1), (1, 3)]
    assert layer.get_config()["active"] == ["a"]
    layer.let_learn([])
    assert layer.trainable_weights == []


def test_weigh():
    layer = _layer()
    x = models.rows(2, 4)
    layer.let_learn(["a", "b"])
    models.shake(layer)
    base = models.outputs(layer.layer, x)
    layer.weigh({})
    np.testing.assert_array_equal(layer(x), base)
    layer.weigh({"b": 0.5})
    factor = np.array(layer.branches["b"].factor)
    np.testing.assert_allclose(layer(x), base * (0.5 + 0.5 * factor), atol=1e-6)


def test_adapters_may_come_as_configs():
    layer = _layer(["a"])
    again = AdaptedLayer.from_config(layer.get_config())
    assert {n: type(a) for n, a in again.adapters.items()} == {
        "a": LoRA,
        "b": IA3,
    }
    assert again.active == ["a"]
