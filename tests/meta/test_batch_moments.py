"""The written derivatives equal those that are taken automatically."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import batch_moments

EPSILON = 1e-3
SHAPES = {
    "images": ((5, 4, 3, 2), [0, 1, 2], (1, 1, 1, 2)),
    "rows": ((6, 3), [0], (1, 3)),
    "first": ((5, 2, 4, 3), [0, 2, 3], (1, 2, 1, 1)),
}


def _automatic(x, gamma, beta, epsilon, axes):
    mean, variance = batch_moments.moments(x, axes)
    outputs = (x - mean) * tf.math.rsqrt(variance + epsilon) * gamma + beta
    return outputs, mean, variance


def _derivatives(function, arrays, axes, push, directions):
    """The loss, its gradients, and the gradients of their products."""
    with tf.GradientTape() as outer:
        outer.watch(arrays)
        with tf.GradientTape() as inner:
            inner.watch(arrays)
            outputs, mean, variance = function(*arrays, EPSILON, axes)
            loss = tf.reduce_sum(push * tf.sin(outputs))
            loss += tf.reduce_sum(tf.tanh(mean) * variance**2)
        first = inner.gradient(loss, arrays)
        along = tf.add_n(
            [
                tf.reduce_sum(gradient * direction)
                for gradient, direction in zip(first, directions, strict=True)
            ]
        )
    return [loss, *first, *outer.gradient(along, arrays)]


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("in_graph", [False, True])
def test_both_derivatives(kind, in_graph, generator):
    shape, axes, channels = SHAPES[kind]
    arrays, directions = (
        [
            tf.constant(generator.normal(size=size) + 0.5)
            for size in (shape, channels, channels)
        ]
        for _ in range(2)
    )
    push = generator.normal(size=shape)

    def found():
        return _derivatives(
            batch_moments.normalized, arrays, axes, push, directions
        )

    if in_graph:
        found = tf.function(found, autograph=False)
    expected = _derivatives(_automatic, arrays, axes, push, directions)
    for ours, theirs in zip(found(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_values_equal_numpy(generator):
    x = generator.normal(size=(7, 4, 3)) * 2.0 + 5.0
    gamma, beta = generator.normal(size=(2, 1, 1, 3))
    outputs, mean, variance = batch_moments.normalized(
        tf.constant(x), gamma, beta, EPSILON, [0, 1]
    )
    np.testing.assert_allclose(mean[0, 0], x.mean((0, 1)))
    np.testing.assert_allclose(variance[0, 0], x.var((0, 1)))
    expected = (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + EPSILON)
    np.testing.assert_allclose(outputs, expected * gamma + beta)


def test_a_gamma_of_zero_has_derivatives(generator):
    shape, axes, channels = SHAPES["rows"]
    arrays = [
        tf.constant(generator.normal(size=shape)),
        tf.zeros(channels, "float64"),
        tf.zeros(channels, "float64"),
    ]
    push, directions = generator.normal(size=shape), arrays
    found, expected = (
        _derivatives(function, arrays, axes, push, directions)
        for function in (batch_moments.normalized, _automatic)
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
