"""The stand-ins give the same values, and exact second derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.meta import layer_calls


class RenamedBatchNorm(layers.BatchNormalization):
    """A subclass that computes nothing by itself."""


KINDS = {
    "batch_norm_subclass": lambda **k: RenamedBatchNorm(**k),
    "batch_norm": lambda **k: layers.BatchNormalization(momentum=0.8, **k),
    "batch_norm_plain": lambda **k: layers.BatchNormalization(
        center=False, scale=False, **k
    ),
    "batch_norm_axis": lambda **k: layers.BatchNormalization(axis=1, **k),
    "layer_norm": lambda **k: layers.LayerNormalization(**k),
    "layer_norm_axes": lambda **k: layers.LayerNormalization(
        axis=[1, 3], center=False, **k
    ),
    "group_norm": lambda **k: layers.GroupNormalization(3, **k),
    "group_norm_axis": lambda **k: layers.GroupNormalization(
        2, axis=2, scale=False, **k
    ),
    "pool": lambda **k: layers.MaxPooling2D(**k),
    "pool_3": lambda **k: layers.MaxPooling2D((3, 2), **k),
    # What the stand-in leaves to Keras.
    "pool_same": lambda **k: layers.MaxPooling2D(padding="same", **k),
    "pool_overlap": lambda **k: layers.MaxPooling2D(3, strides=2, **k),
}


def _layer(kind, generator, **kwargs):
    layer = KINDS[kind](**kwargs)
    layer.build((None, 7, 6, 3))
    for variable in layer.variables:
        variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    return layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "float64"])
def test_values_are_those_of_keras(kind, dtype, generator):
    layer = _layer(kind, generator, dtype=dtype)
    x = generator.normal(size=(5, 7, 6, 3)).astype("float32")
    before = [np.array(v) for v in layer.variables]
    for training in (True, False):
        found = []
        for stand_in in (False, True):
            for variable, value in zip(layer.variables, before, strict=True):
                variable.assign(value)
            if stand_in:
                with layer_calls.replaced([layer]):
                    outputs = layer(x, training=training)
            else:
                outputs = layer(x, training=training)
            found.append([outputs, *[np.array(v) for v in layer.variables]])
        assert found[0][0].dtype == found[1][0].dtype
        for stock, ours in zip(*found, strict=True):
            np.testing.assert_allclose(
                tf.cast(ours, "float64"),
                tf.cast(stock, "float64"),
                rtol=1e-2 if dtype == "mixed_bfloat16" else 1e-5,
                atol=1e-6,
            )


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_equal_differences_of_first_ones(kind, generator):
    layer = _layer(kind, generator, dtype="float64")
    x = tf.constant(generator.normal(size=(5, 7, 6, 3)))
    direction = tf.constant(generator.normal(size=x.shape))
    push = tf.constant(generator.normal(size=layer(x).shape))

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            with layer_calls.replaced([layer]):
                outputs = layer(x, training=True)
            loss = tf.reduce_sum(push * outputs + tf.tanh(outputs))
        return tape.gradient(loss, x)

    with tf.GradientTape() as tape:
        tape.watch(x)
        along = tf.reduce_sum(gradient(x) * direction)
    exact = tape.gradient(along, x)
    step = 1e-6
    numeric = (
        gradient(x + step * direction) - gradient(x - step * direction)
    ) / (2 * step)
    np.testing.assert_allclose(exact, numeric, atol=1e-6)


def test_keras_alone_has_another_second_derivative(generator):
    """Once this fails, the stand-in for normalizations can go."""
    layer = _layer("batch_norm", generator, dtype="float64")
    x = tf.constant(generator.normal(size=(5, 7, 6, 3)))
    direction = generator.uniform(size=x.shape)

    def second(*replaced):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                with layer_calls.replaced(replaced):
                    loss = tf.reduce_sum(layer(x, training=True) ** 3)
            along = tf.reduce_sum(inner.gradient(loss, x) * direction)
        return outer.gradient(along, x).numpy()

    exact = second(layer)
    assert np.abs(second() - exact).max() > 0.1 * np.abs(exact).max()


def test_of_equal_values_the_first_gets_the_gradient(generator):
    layer = layers.MaxPooling2D(dtype="float64")
    x = tf.constant(generator.integers(1, 3, (4, 6, 6, 3)), "float64")
    push = tf.constant(generator.normal(size=(4, 3, 3, 3)))
    direction = tf.constant(generator.normal(size=x.shape))

    def gradients(*replaced):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                with layer_calls.replaced(replaced):
                    loss = tf.reduce_sum(push * layer(x) ** 2)
            first = inner.gradient(loss, x)
            along = tf.reduce_sum(first * direction)
        return first, outer.gradient(along, x)

    for ours, stock in zip(gradients(layer), gradients(), strict=True):
        np.testing.assert_array_equal(ours, stock)


@pytest.mark.parametrize("batch_norm", [None, True, False])
def test_batch_norm_follows_the_pass(batch_norm, generator):
    norm = _layer("batch_norm", generator)
    drop = layers.Dropout(0.5, seed=0)
    x = tf.ones((2, 7, 6, 3)) * 5.0
    with layer_calls.replaced([norm, drop], batch_norm) as now:
        normed = norm(x, training=batch_norm is False)
        dropped = drop(x, training=True)
    on_batch = batch_norm is True
    assert now.calls[id(norm)] == on_batch
    # The batch is constant, so normalised by itself it is beta.
    is_beta = np.allclose(normed, np.broadcast_to(norm.beta, x.shape))
    assert is_beta == on_batch
    assert 0.0 in dropped.numpy()


def test_a_frozen_batch_norm_keeps_its_statistics(generator):
    layer = _layer("batch_norm", generator)
    layer.trainable = False
    before = np.array(layer.moving_mean)
    with layer_calls.replaced([layer], batch_norm=True) as now:
        layer(tf.ones((2, 7, 6, 3)), training=True)
    np.testing.assert_array_equal(layer.moving_mean, before)
    assert now.calls[id(layer)] == 0


def test_layers_are_left_as_they_were(generator):
    layer = _layer("batch_norm", generator)
    stock = layer.call
    with pytest.raises(RuntimeError), layer_calls.replaced([layer]):
        with layer_calls.replaced([layer]):
            assert layer.call != stock
        assert layer.call != stock
        raise RuntimeError
    assert layer.call == stock


def test_masked_batch_norm_is_left_to_keras(generator):
    layer = layers.BatchNormalization(momentum=0.0)
    x = tf.constant(generator.normal(size=(2, 5, 3)), "float32")
    mask = tf.constant([[True] * 3 + [False] * 2] * 2)
    stock = layer(x, training=True, mask=mask)
    with layer_calls.replaced([layer]) as now:
        ours = layer(x, training=True, mask=mask)
    assert now.calls[id(layer)] == 1
    np.testing.assert_array_equal(ours, stock)
    assert isinstance(layer, keras.layers.Layer)
