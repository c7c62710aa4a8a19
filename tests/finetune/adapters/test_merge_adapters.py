"""Merging: the same outputs from a plain model, for every kind of layer."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import BitFit
from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import merge_adapters
from keras_transfer.finetune.adapters import set_adapter
from tests import helpers
from tests.finetune.adapters import models
from tests.finetune.adapters.test_kernels import CASES

ADAPTERS = {
    "lora": LoRA(rank=2, target="*"),
    "dora": DoRA(rank=2, target="*"),
    "ia3": IA3("*"),
    "ia3_inputs": IA3((), "*"),
    "bit_fit": BitFit("*"),
}
#: The others have no bias.
WITH_BIAS = ("dense", "conv1d", "causal", "conv2d", "conv3d")


@pytest.mark.parametrize(
    ("case", "adapter"),
    [
        (case, adapter)
        for case in CASES
        for adapter in ADAPTERS
        if adapter != "bit_fit" or case in WITH_BIAS
    ],
)
def test_every_kind_of_layer(case, adapter):
    create, shape = CASES[case]
    layer = create()
    x = np.array([[1, 2, 0]]) if shape is None else models.rows(2, *shape)
    base = models.of_layer(
        layer, x.shape[1:], "int32" if shape is None else None
    )
    model = add_adapters(base, ADAPTERS[adapter])
    models.shake(model)
    set_adapter(model, {"default": 0.6})
    before = models.outputs(model, x)
    assert np.abs(before - models.outputs(base, x)).max() > 1e-2
    merged = merge_adapters(model)
    np.testing.assert_allclose(models.outputs(merged, x), before, atol=1e-5)
    assert type(merged.layers[0]) is type(layer)
    np.testing.assert_array_equal(models.outputs(model, x), before)


def test_biases_of_an_einsum():
    layer = layers.EinsumDense("abc,cde->aebd", (3, 4, 2), bias_axes="de")
    for adapter in (IA3("*"), BitFit("*"), DoRA(rank=2, target="*")):
        base = models.of_layer(
            type(layer).from_config(layer.get_config()), (4, 6)
        )
        base.layers[0].bias.assign(models.rows(*base.layers[0].bias.shape))
        model = add_adapters(base, adapter)
        models.shake(model)
        x = models.rows(2, 4, 6)
        np.testing.assert_allclose(
            merge_adapters(model)(x), model(x), atol=1e-5
        )


@pytest.mark.parametrize("masked", [False, True])
def test_attention_and_a_mixture(masked):
    base = models.attention(masked=masked)
    model = add_adapters(base, LoRA(rank=2, target="attention"), "a")
    models.shake(model)
    model = add_adapters(model, IA3(), "b")
    models.shake(model, 2.0)
    set_adapter(model, {"a": 0.7, "b": 0.4})
    x = np.array([[1, 2, 0, 0, 0]]) if masked else models.rows(2, 5, 6)
    merged = merge_adapters(model)
    np.testing.assert_allclose(merged(x), model(x), atol=1e-5)
    names = [type(layer).__name__ for layer in base.layers]
    assert [type(layer).__name__ for layer in merged.layers] == names


def test_a_merged_model_is_plain_and_learns_whole(tmp_path):
    base = models.dense()
    model = add_adapters(base, LoRA(rank=2), also_train="head")
    models.shake(model)
    merged = merge_adapters(model)
    assert models.learning(merged) == models.learning(base)
    assert [w.path for w in merged.weights] == [w.path for w in base.weights]
    assert not merged.compiled
    x = models.rows(8, 5)
    np.testing.assert_allclose(merged(x), model(x), atol=1e-5)
    again = models.reloaded(merged, tmp_path)
    modules = {type(part).__module__ for part in again._flatten_layers()}
    assert all(module.startswith("keras.") for module in modules)
    merged.compile("sgd", "mse")
    merged.fit(x, models.rows(8, 3), verbose=0)


def test_nothing_counts():
    base = models.dense()
    model = add_adapters(base, LoRA(rank=2))
    models.shake(model)
    set_adapter(model, {})
    merged = merge_adapters(model)
    for one, other in zip(base.weights, merged.weights, strict=True):
        np.testing.assert_array_equal(one, helpers.to_numpy(other))


def test_a_subclassed_model_is_refused():
    with pytest.raises(ValueError, match="`model`.*Functional or Sequential"):
        merge_adapters(keras.Model())
