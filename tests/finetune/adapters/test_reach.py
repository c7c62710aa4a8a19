"""Which layers a target names, and why some cannot be reached."""

import keras
import pytest
from keras import layers

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters.reach import reach
from tests.finetune.adapters import models
from tests.finetune.adapters.test_cloning import Unnamed


@pytest.fixture
def model():
    inputs = keras.Input((6, 6))
    x = Unnamed(name="block")(inputs)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.MultiHeadAttention(2, 3, use_gate=True, name="gated")(x, x)
    x = layers.LayerNormalization(name="norm")(layers.Conv1D(4, 2)(x))
    x = layers.Conv1D(4, 2, groups=2, name="grouped")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def _reached(model, target, without=()):
    places = reach(model, LoRA(target=target), without)
    return {place.path: place.reason for place in places}


def test_all_kinds(model):
    hidden = "is hidden inside the Unnamed 'block'"
    gate = "is in an attention layer with use_gate"
    names = ("query", "key", "value", "attention_output")
    assert _reached(model, "*") == {
        "block/dense": hidden,
        **{f"attention/{name}": None for name in names},
        **{f"gated/{name}": gate for name in names},
        "conv1d": None,
        "grouped": "has groups=2",
        "head": None,
    }


def test_targets(model):
    assert list(_reached(model, ["head", "attention/query"])) == [
        "attention/query",
        "head",
    ]
    assert _reached(model, "attention/*/query") == {}
    assert len(_reached(model, "attention")) == 4
    assert _reached(model, "norm") == {}


def test_some_are_left_out(model):
    head = model.get_layer("head")
    assert _reached(model, "head", without={id(head)}) == {}


def test_adapted_models_look_like_their_base():
    base = models.attention(cross=True)
    adapted = add_adapters(base, LoRA(target=["query", "to_key"]))
    assert _reached(adapted, "*") == _reached(base, "*")
