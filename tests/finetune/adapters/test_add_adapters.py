"""Adding adapters: what learns, what stays, saving, export and errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import BitFit
from keras_transfer.finetune.adapters import BottleneckAdapter
from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import RankStabilizedLoRA
from keras_transfer.finetune.adapters import adapter_report
from keras_transfer.finetune.adapters import add_adapters
from tests.finetune.adapters import models
from tests.finetune.adapters.test_cloning import Unnamed

ADAPTERS = {
    "lora": LoRA(rank=2),
    "dora": DoRA(rank=2),
    "rank_stabilized": RankStabilizedLoRA(rank=2),
    "ia3": IA3("dense*"),
    "bit_fit": BitFit(["dense*", "norm"]),
    "bottleneck": BottleneckAdapter(2),
}
X = models.rows(8, 5)
Y = models.rows(8, 3)


@pytest.mark.parametrize("name", ADAPTERS)
def test_training_changes_the_adapter_and_the_head_only(name):
    base = models.dense()
    values = [np.array(w) for w in base.weights]
    model = add_adapters(base, ADAPTERS[name], also_train="head")
    np.testing.assert_array_equal(model(X), base(X))
    frozen = [np.array(w) for w in model.non_trainable_weights]
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    for before, after in zip(frozen, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(values, base.weights, strict=True):
        np.testing.assert_array_equal(before, after)
    head = model.get_layer("head")
    assert head.trainable_weights and type(head) is layers.Dense
    assert np.abs(head.kernel - base.get_layer("head").kernel).max() > 0
    largest = max(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert largest <= 6 * 3


@pytest.mark.parametrize("name", ADAPTERS)
def test_saved_models_keep_adapters_apart(name, tmp_path):
    model = add_adapters(models.dense(), ADAPTERS[name], also_train="head")
    models.shake(model)
    again = models.reloaded(model, tmp_path)
    np.testing.assert_array_equal(again(X), model(X))
    assert adapter_report(again) == adapter_report(model)
    assert models.learning(again) == models.learning(model)
    pairs = zip(model.weights, again.weights, strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


def test_clones_of_keras_are_alike():
    model = add_adapters(models.dense(), LoRA(rank=2), also_train="head")
    models.shake(model)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(X), model(X))
    assert models.learning(copy) == models.learning(model)


def test_export(tmp_path):
    model = add_adapters(models.dense(), LoRA(rank=2))
    models.shake(model)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(X), model(X), atol=1e-6)


def test_fit_asks_for_compile():
    base = models.dense()
    base.compile("adam", "mse")
    model = add_adapters(base, LoRA(rank=2))
    with pytest.raises(ValueError, match="compile"):
        model.fit(X, Y, verbose=0)


def test_a_frozen_batch_norm_is_in_inference_mode():
    model = add_adapters(models.dense(), LoRA(rank=2))
    np.testing.assert_array_equal(model(X, training=True), model(X))
    model = add_adapters(models.dense(), LoRA(rank=2), also_train="norm")
    assert np.abs(model(X, training=True) - model(X)).max() > 1e-3


def test_nested_and_frozen_parts():
    encoder = keras.Sequential(
        [keras.Input((5,)), layers.Dense(5, "relu", name="dense_1")],
        name="encoder",
    )
    encoder.trainable = False
    inputs = keras.Input((5,))
    shared = layers.Dense(5, name="dense_2")
    x = shared(shared(encoder(inputs)))
    base = keras.Model(inputs, layers.Dense(3, name="head")(x))
    model = add_adapters(base, LoRA(rank=2), also_train="head")
    assert models.learning(model) == [
        (5, 2),
        (2, 5),
        (5, 2),
        (2, 5),
        (5, 3),
        (3,),
    ]
    model.compile("sgd", "mse")
    before = models.outputs(model, X)
    model.fit(X, Y, verbose=0)
    assert np.abs(models.outputs(model, X) - before).max() > 1e-5
    inner = add_adapters(base, LoRA(rank=2, target="encoder/*"))
    assert models.learning(inner) == [(5, 2), (2, 5)]
    whole = add_adapters(base, LoRA(rank=2, target="encoder"))
    assert models.learning(whole) == [(5, 2), (2, 5)]


def test_a_second_adapter_learns_alone_on_the_same_base():
    base = models.dense()
    first = add_adapters(base, LoRA(rank=2), "a")
    models.shake(first)
    second = add_adapters(first, IA3("dense_1"), "b")
    np.testing.assert_array_equal(second(X), base(X))
    assert models.learning(second) == [(6,)]
    branch = second.get_layer("dense_1").branches["a"]
    np.testing.assert_array_equal(
        branch.a, first.get_layer("dense_1").branches["a"].a
    )
    third = add_adapters(second, LoRA(rank=3, target="head"), "c")
    assert set(adapter_report(third).matched) == {"a", "b", "c"}


def test_missed_layers_are_told():
    base = keras.Sequential(
        [
            keras.Input((5,)),
            Unnamed(name="block"),
            layers.Dense(3, name="dense"),
        ]
    )
    with pytest.warns(UserWarning, match="1 of 2 .*'block/dense' is hidden"):
        model = add_adapters(base, LoRA(rank=2))
    assert models.learning(model) == [(3, 2), (2, 3)]
    with pytest.raises(ValueError, match="can take the adapter.*hidden"):
        add_adapters(base, LoRA(target="block"))


def test_errors():
    base = models.dense()
    with pytest.raises(ValueError, match="`target`.*Did you mean 'dense_"):
        add_adapters(base, LoRA(target="dens_1"))
    with pytest.raises(ValueError, match="`also_train`.*'head'"):
        add_adapters(base, LoRA(), also_train="heads")
    with pytest.raises(ValueError, match="`adapter`.*an adapter"):
        add_adapters(base, "lora")
    for name in ("a/b", "", None, "a b"):
        with pytest.raises(ValueError, match="`name`.*letters"):
            add_adapters(base, LoRA(), name)
    model = add_adapters(base, LoRA(), "a")
    with pytest.raises(ValueError, match="`name`.*lacks"):
        add_adapters(model, LoRA(), "a")


def test_mixed_precision_trains():
    keras.config.set_dtype_policy("mixed_float16")
    model = add_adapters(models.dense(), LoRA(rank=2, dropout=0.1))
    model.compile("adam", "mse")
    before = [np.array(w) for w in model.trainable_weights]
    model.fit(X, Y, epochs=4, verbose=0)
    after = [np.array(w) for w in model.trainable_weights]
    assert all(np.isfinite(w).all() for w in after)
    pairs = zip(before, after, strict=True)
    assert all(np.abs(old - new).max() > 0 for old, new in pairs)
