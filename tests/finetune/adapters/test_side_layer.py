"""The layer of side networks: saving, several, other inputs."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import SideTuning
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import merge_adapters
from keras_transfer.finetune.adapters import set_adapter
from tests.finetune.adapters import models


def _side(width=4):
    inputs = keras.Input((3,), dtype="int32")
    flat = layers.Flatten()(layers.Embedding(9, 2)(inputs))
    return keras.Model(inputs, layers.Dense(width)(flat))


@pytest.fixture
def base():
    inputs = keras.Input((3,), dtype="int32", name="words")
    x = layers.Flatten()(layers.Embedding(9, 3)(inputs))
    x = layers.Dense(4, name="features")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


IDS = np.array([[1, 2, 3], [4, 5, 8]])


def test_integers_reach_the_side_network(base, tmp_path):
    model = add_adapters(base, SideTuning(_side(), "features"))
    models.shake(model)
    again = models.reloaded(model, tmp_path)
    np.testing.assert_array_equal(again(IDS), model(IDS))
    assert models.learning(again) == models.learning(model)


def test_two_of_them(base):
    model = add_adapters(base, SideTuning(_side(), "features"), "a")
    models.shake(model)
    of_a = models.outputs(model, IDS)
    model = add_adapters(model, SideTuning(_side(), "features"), "b")
    set_adapter(model, "a")
    np.testing.assert_allclose(models.outputs(model, IDS), of_a, atol=1e-6)


def test_it_is_merged_only_when_it_does_not_count(base):
    model = add_adapters(base, SideTuning(_side(), "features"))
    with pytest.raises(ValueError, match="'default'.*network of its own"):
        merge_adapters(model)
    set_adapter(model, {})
    plain = merge_adapters(model)
    assert [layer.name for layer in plain.layers] == [
        layer.name for layer in base.layers
    ]
    np.testing.assert_array_equal(plain(IDS), base(IDS))


def test_a_layer_that_is_used_twice_is_refused():
    inputs = keras.Input((4,))
    layer = layers.Dense(4, name="features")
    base = keras.Model(inputs, layer(layer(inputs)))
    side = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    with pytest.raises(ValueError, match="`target`.*the model uses once"):
        add_adapters(base, SideTuning(side, "features"))


@pytest.mark.parametrize("target", ["nothing", "*"])
def test_the_target_is_one_layer(base, target):
    with pytest.raises(ValueError, match="`target`.*the name of one layer"):
        add_adapters(base, SideTuning(_side(), target))


def test_other_shapes_are_refused(base):
    with pytest.raises(ValueError, match="`side`.*outputs of the shapes"):
        add_adapters(base, SideTuning(_side(5), "features"))
    side = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    with pytest.raises(ValueError, match="`side`.*inputs of the shapes"):
        add_adapters(base, SideTuning(side, "features"))
