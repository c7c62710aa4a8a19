"""The layer around a base: order, config, masks and precision."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import BitFit
from keras_transfer.finetune.adapters import BottleneckAdapter
from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters.adapted_layer import AdaptedLayer
from tests.finetune.adapters import models

ADAPTERS = {
    "lora": LoRA(rank=2, dropout=0.1),
    "dora": DoRA(rank=2),
    "ia3": IA3("dense*"),
    "ia3_inputs": IA3((), "dense*"),
    "bit_fit": BitFit(),
    "bottleneck": BottleneckAdapter(2),
}


def _layer(adapter, **arguments):
    base = layers.Dense(3, activation="relu", name="dense", **arguments)
    layer = AdaptedLayer(base, {"default": adapter}, path="dense")
    layer.build((2, 4))
    layer.let_learn(["default"])
    models.shake(layer)
    return layer


@pytest.mark.parametrize("name", ADAPTERS)
def test_config_round_trip(name):
    layer = _layer(ADAPTERS[name])
    config = layer.get_config()
    again = AdaptedLayer.from_config(config)
    assert again.get_config() == config
    again.build((2, 4))
    again.set_weights(layer.get_weights())
    x = models.rows(2, 4)
    np.testing.assert_array_equal(again(x), layer(x))
    assert models.learning(again) == models.learning(layer)
    assert (again.name, again.path_in_model) == ("dense", "dense")


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_half_precision(name, policy):
    keras.config.set_dtype_policy(policy)
    half = _layer(ADAPTERS[name])
    keras.config.set_dtype_policy("float32")
    whole = _layer(ADAPTERS[name])
    whole.set_weights(half.get_weights())
    x = models.rows(2, 4)
    answer = half(x)
    dtype = keras.backend.standardize_dtype(answer.dtype)
    assert dtype == policy.removeprefix("mixed_")
    assert {w.dtype for w in half.trainable_weights} == {"float32"}
    np.testing.assert_allclose(
        models.outputs(half, x), whole(x), atol=0.1, rtol=0.1
    )


@pytest.mark.parametrize(
    "name",
    [
        "lora",
        "ia3",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("dora", "ia3_inputs", "bit_fit", "bottleneck")
        ),
    ],
)
def test_it_trains_under_xla(name):
    model = add_adapters(models.dense(), ADAPTERS[name])
    model.compile("sgd", "mse", jit_compile=True, steps_per_execution=2)
    frozen = [np.array(w) for w in model.non_trainable_weights]
    learnt = [np.array(w) for w in model.trainable_weights]
    model.fit(
        models.rows(8, 5), models.rows(8, 3), batch_size=2, verbose=0, epochs=2
    )
    for before, after in zip(frozen, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)
    pairs = zip(learnt, model.trainable_weights, strict=True)
    assert all(np.abs(before - after).max() > 0 for before, after in pairs)


def test_regularizers_of_outputs_see_the_adapted_ones():
    layer = _layer(LoRA(rank=2), activity_regularizer="l2")
    x = models.rows(2, 4)
    y = models.outputs(layer, x)
    (loss,) = layer.losses
    np.testing.assert_allclose(loss, 0.01 * (y**2).sum() / 2, rtol=1e-5)
    plain = layer.plain_layer()
    assert plain.activity_regularizer is not None
    assert plain.activation is keras.activations.relu


def test_masks_pass_as_through_the_base():
    base = layers.Embedding(5, 4, mask_zero=True, name="dense")
    layer = AdaptedLayer(base, {"default": LoRA(rank=2)})
    mask = layer.compute_mask(np.array([[1, 0, 2]]))
    np.testing.assert_array_equal(mask, [[True, False, True]])


def _half(x):
    return 0.5 * x


def test_an_activation_that_is_a_layer_or_a_function():
    for activation in (layers.LeakyReLU(0.5), _half):
        base = models.of_layer(
            layers.Dense(3, activation=activation, name="dense"), (4,)
        )
        model = add_adapters(base, LoRA(rank=2))
        x = models.rows(2, 4)
        np.testing.assert_array_equal(model(x), base(x))


def test_merged_weights_without_strength_are_the_bases():
    layer = _layer(BottleneckAdapter(2))
    layer.weigh({})
    kernel, bias = layer.merged_weights()
    assert kernel is layer.layer.kernel and bias is layer.layer.bias
