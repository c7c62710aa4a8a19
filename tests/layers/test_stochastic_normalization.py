"""Batch norm that takes moving statistics at random."""

import keras
import numpy as np
import pytest

from keras_transfer.layers.stochastic_normalization import (
    StochasticNormalization,
)
from tests import helpers

pytestmark = pytest.mark.any_backend


def _layer(probability, shape=(None, 3), **arguments):
    layer = StochasticNormalization(probability, **arguments)
    layer.build(shape)
    width = layer.gamma.shape[0]
    steps = np.arange(1.0, 1.0 + width, dtype="float32")
    layer.set_weights([0.5 * steps, -steps, 0.1 * steps, 2.0 * steps])
    return layer


def numpy_normalized(x, mean, variance, layer):
    gamma, beta = (helpers.to_numpy(v) for v in (layer.gamma, layer.beta))
    return gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta


@pytest.fixture
def x(generator):
    return generator.normal(1.0, 2.0, size=(8, 3)).astype("float32")


def test_each_channel_takes_one_or_the_other(x):
    layer = _layer(0.5, seed=1)
    mean, variance = (helpers.to_numpy(v) for v in layer.weights[2:])
    by_moving = numpy_normalized(x, mean, variance, layer)
    by_batch = numpy_normalized(x, x.mean(0), x.var(0), layer)
    taken = []
    for _ in range(60):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
        outputs = helpers.to_numpy(layer(x, training=True))
        is_moving = np.isclose(outputs, by_moving, atol=1e-4).all(axis=0)
        is_batch = np.isclose(outputs, by_batch, atol=1e-4).all(axis=0)
        assert (is_moving ^ is_batch).all()
        taken.append(is_moving)
    share = np.mean(taken, axis=0)
    assert (share > 0.25).all()
    assert (share < 0.75).all()
    assert len({tuple(row) for row in taken}) > 4  # channels differ


def test_zero_is_batch_norm(x):
    layer, stock = _layer(0.0), keras.layers.BatchNormalization()
    stock.build((None, 3))
    stock.set_weights(layer.get_weights())
    for training in (True, False):
        np.testing.assert_allclose(
            layer(x, training=training), stock(x, training=training), atol=1e-5
        )
    for now, expected in zip(
        layer.get_weights(), stock.get_weights(), strict=True
    ):
        np.testing.assert_allclose(now, expected, atol=1e-6)


def test_one_is_inference_that_follows_the_batch(x):
    layer = _layer(1.0, momentum=0.9)
    mean, variance = (helpers.to_numpy(v) for v in layer.weights[2:])
    expected = helpers.to_numpy(layer(x, training=False))
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-5)
    np.testing.assert_allclose(
        layer.moving_mean, 0.9 * mean + 0.1 * x.mean(0), atol=1e-5
    )
    np.testing.assert_allclose(
        layer.moving_variance, 0.9 * variance + 0.1 * x.var(0), atol=1e-5
    )


def test_moving_statistics_pass_the_gradient_of_a_constant(x):
    """Shifting the inputs moves the outputs, which batch norm prevents."""
    for probability, expected in ((1.0, True), (0.0, False)):
        layer = _layer(probability)
        (gradient,) = helpers.gradients(
            lambda z, layer=layer: keras.ops.sum(layer(z, training=True)), x
        )
        gamma, variance = layer.get_weights()[0], layer.get_weights()[3]
        slope = gamma / np.sqrt(variance + layer.epsilon)
        np.testing.assert_allclose(
            gradient, np.tile(slope * expected, (8, 1)), atol=1e-4
        )


def test_frozen_layers_stand_still(x):
    layer = _layer(0.5)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_allclose(
        layer(x, training=True), layer(x, training=False)
    )
    for old, now in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_same_seed_same_choice(x):
    outputs = [
        helpers.to_numpy(_layer(0.5, seed=7)(x, training=True))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*outputs)


def test_channels_on_another_axis(generator):
    x = generator.normal(size=(4, 3, 5)).astype("float32")
    front = _layer(0.5, shape=(None, 3, 5), axis=1, seed=3)
    back = _layer(0.5, shape=(None, 5, 3), seed=3)
    np.testing.assert_allclose(
        front(x, training=True),
        np.swapaxes(
            helpers.to_numpy(back(np.swapaxes(x, 1, 2), training=True)), 1, 2
        ),
        atol=1e-5,
    )


def test_half_precision_is_for_the_outputs_only(x):
    layer = StochasticNormalization(0.5, dtype="mixed_float16")
    outputs = layer(keras.ops.cast(x, "float16"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert {w.dtype for w in layer.weights} == {"float32"}


@pytest.mark.parametrize("off", ["center", "scale"])
def test_without_a_shift_or_a_scale(x, off):
    layer = StochasticNormalization(0.0, **{off: False})
    stock = keras.layers.BatchNormalization(**{off: False})
    np.testing.assert_allclose(
        layer(x, training=True), stock(x, training=True), atol=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"probability": 1.5}, "probability"),
        ({"renorm": True}, "renorm"),
        ({"synchronized": True}, "synchronized"),
    ],
    ids=["probability", "renorm", "synchronized"],
)
def test_wrong_arguments_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        StochasticNormalization(**arguments)


def test_masks_are_refused(x):
    with pytest.raises(ValueError, match="masks"):
        _layer(0.5)(x, training=True, mask=np.ones(8, bool))
