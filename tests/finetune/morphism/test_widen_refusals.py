"""What cannot be widened without changing the function."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.widen import widen
from tests.finetune.morphism import architectures


def normalized(norm):
    return lambda: architectures.sequence(
        layers.Dense(4, name="layer"), norm, layers.Dense(2)
    )


def from_the_input():
    inputs = keras.Input((4,))
    x = layers.Add()([inputs, layers.Dense(4, name="layer")(inputs)])
    return architectures.functional(inputs, layers.Dense(2)(x))


def concatenation_into_add():
    inputs = keras.Input((4,))
    pair = layers.Concatenate(name="pair")(
        [layers.Dense(2)(inputs), layers.Dense(2)(inputs)]
    )
    x = layers.Add()([pair, layers.Dense(4, name="layer")(inputs)])
    return architectures.functional(inputs, layers.Dense(2)(x))


def with_array():
    inputs = keras.Input((4,))
    x = layers.Dense(4, name="layer")(inputs) * np.arange(4.0, dtype="float32")
    return architectures.functional(inputs, layers.Dense(2)(x))


def reversed_order(x):
    return x[..., ::-1]


def inner_model():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="inner")
    return architectures.sequence(
        layers.Dense(4, name="layer"), inner, shape=(5,)
    )


REFUSED = {
    "layer_norm": (
        normalized(layers.LayerNormalization()),
        "LayerNormalization .* normalizes over the channels",
    ),
    "softmax_layer": (normalized(layers.Softmax()), "Softmax .* mixes"),
    "softmax": (
        normalized(layers.Activation("softmax")),
        "Activation .* ends with 'softmax'",
    ),
    "recurrent": (
        lambda: architectures.sequence(
            layers.Dense(4, name="layer"), layers.LSTM(2)
        ),
        "LSTM .* mixes the channels",
    ),
    "grouped": (
        lambda: architectures.sequence(
            layers.Conv1D(4, 1, name="layer"), layers.Conv1D(4, 1, groups=2)
        ),
        "is a grouped convolution",
    ),
    "grouped_itself": (
        lambda: architectures.sequence(
            layers.Conv1D(4, 1),
            layers.Conv1D(4, 1, groups=2, name="layer"),
            layers.Dense(2),
        ),
        "is a grouped convolution",
    ),
    "permuted": (normalized(layers.Permute((2, 1))), "Permute .* mixes"),
    "unflattened": (
        normalized(layers.Reshape((6, 2, 2))),
        "Reshape .* takes the channels apart",
    ),
    "output": (
        lambda: architectures.sequence(
            layers.Dense(4, name="layer"), layers.ReLU()
        ),
        "reach the output of 're_lu",
    ),
    "input": (from_the_input, "shares channels with the input"),
    "concatenation": (concatenation_into_add, "'pair' joins or rearranges"),
    "array": (with_array, "takes an array"),
    "inner_model": (inner_model, "'inner' is a model inside the model"),
    "custom_activation": (
        lambda: architectures.sequence(
            layers.Dense(4, activation=reversed_order, name="layer"),
            layers.Dense(2),
        ),
        "ends with '<reversed_order>'",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_change_the_function_is_refused(kind):
    build, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        widen(build(), "layer", 6)


def test_one_channel_that_multiplies_many_is_not_widened():
    with pytest.raises(ValueError, match="spreads one channel over many"):
        widen(architectures.spread_channel(), "mask", 2)


@pytest.mark.parametrize("units", [5, 4, 6.0, True, None])
def test_units_must_grow(units):
    with pytest.raises(ValueError, match="`units`.*integer above 5"):
        widen(architectures.plain_perceptron(), "hidden", units)


def test_wrong_arguments_are_refused():
    model = architectures.perceptron()
    with pytest.raises(ValueError, match="`noise`.*nonnegative"):
        widen(model, "first", 9, noise=-0.1)
    with pytest.raises(ValueError, match="Did you mean 'second'"):
        widen(model, "secnd", 9)
    with pytest.raises(ValueError, match="widen the layer before"):
        widen(model, "norm", 9)
    with pytest.raises(ValueError, match="`layer`.*name of a layer"):
        widen(model, 3, 9)
    with pytest.raises(ValueError, match="not compiled"):
        widen(model, "first", 9, carry_optimizer=True)


def test_lora_is_refused():
    model = architectures.plain_perceptron()
    model.get_layer("head").enable_lora(2)
    with pytest.raises(ValueError, match="'head'.* LoRA"):
        widen(model, "hidden", 9)
