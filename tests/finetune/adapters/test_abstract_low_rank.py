"""Low-rank adapters: formula, start, gradients and what is never formed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from tests import helpers
from tests.finetune.adapters import models


def _branch(model, layer=0):
    return model.layers[layer].branches["default"]


def test_equals_numpy():
    base = models.of_layer(layers.Dense(3, "tanh", name="dense"), (5,))
    model = add_adapters(base, LoRA(rank=2, alpha=6))
    models.shake(model)
    x = models.rows(4, 5).astype("float64")
    kernel, bias = base.get_weights()
    a, b = (helpers.to_numpy(w) for w in model.trainable_weights)
    expected = np.tanh(x @ kernel + bias + 3.0 * x @ a @ b)
    np.testing.assert_allclose(models.outputs(model, x), expected, atol=1e-5)


def test_at_first_b_is_zero_and_a_is_uniform():
    base = models.of_layer(layers.Dense(300, name="dense"), (100,))
    model = add_adapters(base, LoRA(rank=40))
    a, b = (helpers.to_numpy(w) for w in model.trainable_weights)
    assert not b.any()
    assert np.abs(a).max() <= 0.1 < 1.02 * np.abs(a).max()
    assert abs(a.std() - 0.1 / np.sqrt(3)) < 1e-3
    x = models.rows(4, 100)
    np.testing.assert_array_equal(model(x), base(x))


def test_an_embedding_begins_with_a_at_zero():
    layer = layers.Embedding(50, 40, name="dense")
    base = models.of_layer(layer, (3,), "int32")
    model = add_adapters(base, LoRA(rank=40, dropout=0.5))
    a, b = (helpers.to_numpy(w) for w in model.trainable_weights)
    assert not a.any() and abs(b.std() - 1) < 0.05
    x = np.array([[1, 2, 49]])
    np.testing.assert_array_equal(model(x), base(x))


def test_at_first_only_b_has_a_gradient_and_it_goes_down():
    model = add_adapters(models.dense(), LoRA(rank=2, target="dense_2"))
    x, y = models.rows(8, 5), models.rows(8, 3)

    def loss():
        return keras.ops.mean((model(x) - y) ** 2)

    a, b = model.trainable_weights
    by_a, by_b = helpers.gradients_of_variables(loss, [a, b])
    assert not by_a.any() and np.abs(by_b).max() > 1e-4
    before = float(loss())
    b.assign(-0.1 * by_b)
    assert float(loss()) < before


def test_dropout_in_training_only():
    base = models.of_layer(layers.Dense(3, name="dense"), (400,))
    model = add_adapters(base, LoRA(rank=2, dropout=0.5))
    models.shake(model)
    x = models.rows(2, 400)
    plain = models.outputs(model, x)
    np.testing.assert_array_equal(models.outputs(model, x), plain)
    # Of the inputs of A: a mean of many passes is that of none.
    passes = [np.array(model(x, training=True)) for _ in range(100)]
    assert np.abs(passes[0] - plain).max() > 0.1
    spread = np.std(passes, axis=0) / np.sqrt(100)
    assert (np.abs(np.mean(passes, axis=0) - plain) < 4.5 * spread).all()


def _needed(graph):
    """All tensors of a graph that its outputs come from."""
    left, found = list(graph.outputs), {}
    while left:
        tensor = left.pop()
        if id(tensor) not in found:
            found[id(tensor)] = tensor
            left += list(tensor.op.inputs)
    return found.values()


def test_no_gradient_is_of_the_kernels_size():
    """In the step that is run, after what is not needed was removed."""
    base = keras.Sequential(
        [
            keras.Input((31,)),
            layers.Dense(37, "relu", name="dense_1"),
            layers.Dense(41, name="dense_2"),
        ]
    )
    model = add_adapters(base, LoRA(rank=2))
    sizes = {(31, 37), (37, 41)}

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
        variables = [w.value for w in model.trainable_weights]
        return tape.gradient(loss, variables)

    def made(function):
        signature = tf.TensorSpec((16, 31))
        graph = function.get_concrete_function(signature).graph
        return [
            tensor.op.type
            for tensor in _needed(graph)
            if tuple(tensor.shape) in sizes
            or tuple(tensor.shape)[::-1] in sizes
        ]

    assert set(made(step)) <= {"ReadVariableOp", "Identity"}
    # The same look at a model that learns whole finds it.
    model = base
    assert "MatMul" in made(tf.function(step.python_function))


@pytest.mark.parametrize("rank", [0, 1.5, True, None])
def test_wrong_rank_is_refused(rank):
    with pytest.raises(ValueError, match="`rank`.*positive integer"):
        LoRA(rank=rank)


@pytest.mark.parametrize("alpha", [0, -1, np.inf, "8"])
def test_wrong_alpha_is_refused(alpha):
    with pytest.raises(ValueError, match="`alpha`.*positive number"):
        LoRA(alpha=alpha)


@pytest.mark.parametrize("dropout", [-0.1, 1, None])
def test_wrong_dropout_is_refused(dropout):
    with pytest.raises(ValueError, match=r"`dropout`.*a number in \[0, 1\)"):
        LoRA(dropout=dropout)
