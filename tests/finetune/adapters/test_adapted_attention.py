"""Attention out of given projections equals Keras' own."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters.adapted_attention import refusal
from tests.finetune.adapters import models

CASES = {
    "plain": {},
    "masked": {"masked": True},
    "causal": {"causal": True},
    "masked_causal": {"masked": True, "causal": True},
    "cross": {"cross": True, "causal": True},
    "dropout": {"dropout": 0.5, "causal": True},
    "dropout_masked": {"dropout": 0.5, "masked": True},
    "window": {"sliding_window": 2},
    "causal_window": {"sliding_window": 2, "causal": True},
    "sizes": {"value_dim": 4, "output_shape": 7, "use_bias": False},
}
IDS = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]])
TARGET = LoRA(rank=2, target="attention/*")


def _inputs(name):
    return IDS if "masked" in CASES[name] else models.rows(2, 5, 6)


@pytest.mark.parametrize("name", CASES)
def test_at_first_equal_bit_for_bit(name):
    base = models.attention(**CASES[name])
    model = add_adapters(base, TARGET)
    x = _inputs(name)
    np.testing.assert_array_equal(model(x), base(x))
    assert len(models.learning(model)) == 8


def test_dropout_in_training_is_that_of_keras():
    base = models.attention(dropout=0.5, seed=3)
    model = add_adapters(base, TARGET)
    x = models.rows(2, 5, 6)
    trained = base(x, training=True)
    assert np.abs(trained - base(x)).max() > 1e-3
    np.testing.assert_array_equal(model(x, training=True), trained)


def test_scores_and_a_mask_that_is_given():
    inputs = keras.Input((5, 6))
    mask = keras.Input((5, 5), dtype="bool")
    y = layers.MultiHeadAttention(2, 3, name="attention")(
        inputs, inputs, attention_mask=mask, return_attention_scores=True
    )
    base = keras.Model([inputs, mask], y)
    model = add_adapters(base, TARGET)
    given = np.random.default_rng(1).random((2, 5, 5)) < 0.6
    expected = base([models.rows(2, 5, 6), given])
    answers = model([models.rows(2, 5, 6), given])
    for one, other in zip(expected, answers, strict=True):
        np.testing.assert_array_equal(one, other)
    assert answers[1].shape == (2, 2, 5, 5)


@pytest.mark.parametrize("name", ["plain", "masked_causal", "sizes"])
def test_saving(name, tmp_path):
    model = add_adapters(models.attention(**CASES[name]), TARGET)
    models.shake(model)
    again = models.reloaded(model, tmp_path)
    x = _inputs(name)
    np.testing.assert_array_equal(again(x), model(x))
    assert models.learning(again) == models.learning(model)


@pytest.mark.slow
def test_half_precision_and_xla():
    keras.config.set_dtype_policy("mixed_bfloat16")
    base = models.attention(causal=True)
    model = add_adapters(base, TARGET)
    x = models.rows(4, 5, 6)
    np.testing.assert_array_equal(
        models.outputs(model, x), models.outputs(base, x)
    )
    model.compile("adam", "mse", jit_compile=True)
    before = [np.array(w) for w in model.trainable_weights]
    model.fit(x, models.rows(4, 6), verbose=0, epochs=2)
    pairs = zip(before, model.trainable_weights, strict=True)
    assert all(np.abs(old - new).max() > 0 for old, new in pairs)


class MyAttention(layers.MultiHeadAttention):
    """It might compute anything."""


@pytest.mark.parametrize(
    ("create", "shape", "reason"),
    [
        (lambda: MyAttention(2, 3), (2, 5, 6), "is inside a MyAttention"),
        (
            lambda: layers.MultiHeadAttention(2, 3, use_gate=True),
            (2, 5, 6),
            "is in an attention layer with use_gate",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3, attention_axes=(1, 2)),
            (2, 5, 5, 6),
            "is in an attention layer over more than one axis",
        ),
        (lambda: layers.MultiHeadAttention(2, 3), (2, 5, 6), None),
    ],
    ids=["subclass", "gate", "axes", "plain"],
)
def test_refusals(create, shape, reason):
    layer = create()
    layer.build(shape, shape)
    assert refusal(layer) == reason
