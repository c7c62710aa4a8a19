"""Copies along an axis: values, noise, and that gradients do the opposite."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.morphism.variable_steps import Gather
from keras_transfer.finetune.morphism.variable_steps import Pad
from tests import helpers

INDEX = np.array([0, 1, 2, 1, 1])


def test_values_equal_numpy(generator):
    weight = generator.normal(size=(2, 3))
    copied = Gather(1, INDEX).of_weight(weight)
    np.testing.assert_array_equal(copied, weight[:, INDEX])
    divided = Gather(0, INDEX, divides=True).of_weight(weight.T)
    counts = np.array([1, 3, 1, 3, 3])[:, None]
    np.testing.assert_allclose(divided, weight.T[INDEX] / counts)


def test_gradients_do_what_is_said_of_slots(generator):
    """One hidden unit of three is copied: x u -> tanh -> v."""
    x = generator.normal(size=(8, 4)).astype("float32")
    u = generator.normal(size=(4, 3)).astype("float32")
    v = generator.normal(size=(3, 2)).astype("float32")

    def loss(u, v):
        hidden = keras.ops.tanh(keras.ops.matmul(x, u))
        return keras.ops.sum(keras.ops.square(keras.ops.matmul(hidden, v)))

    incoming, outgoing = Gather(1, INDEX), Gather(0, INDEX, divides=True)
    wide = [
        step.of_weight(value).astype("float32")
        for step, value in ((incoming, u), (outgoing, v))
    ]
    assert float(loss(*wide)) == pytest.approx(float(loss(u, v)), rel=1e-5)
    old, new = helpers.gradients(loss, u, v), helpers.gradients(loss, *wide)
    for step, before, after in zip((incoming, outgoing), old, new, strict=True):
        expected = step.of_slot(before, power=1)
        np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-5)
        assert np.abs(after).max() > 0.1


@pytest.mark.parametrize("power", [0, 1, 2])
def test_slots_go_with_a_power_of_the_gradient(power):
    slot = np.ones((2, 3))
    copied = Gather(1, INDEX).of_slot(slot, power)
    expected = np.array([1, 3, 1, 3, 3.0]) ** -power
    np.testing.assert_allclose(copied, np.tile(expected, (2, 1)))
    divided = Gather(1, INDEX, divides=True).of_slot(slot, power)
    np.testing.assert_array_equal(divided, 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_noise_cancels_out(generator, axis):
    shape = [4, 5, 6]
    shape[axis] = 3
    weight = generator.normal(size=shape)
    step = Gather(axis, INDEX, divides=True)
    noisy = step.with_noise(weight, 0.5, generator)
    noise = noisy.of_weight(weight) - step.of_weight(weight)
    along = np.moveaxis(noise, axis, 0)
    np.testing.assert_array_equal(along[[0, 2]], 0)
    np.testing.assert_allclose(along[[1, 3, 4]].sum(axis=0), 0, atol=1e-12)
    assert along[1].std() > 0.1


def test_zeros_at_both_ends():
    weight = np.ones((2, 3))
    padded = Pad(1, 1, 2).of_weight(weight)
    np.testing.assert_array_equal(padded, [[0, 1, 1, 1, 0, 0]] * 2)
    np.testing.assert_array_equal(Pad(1, 1, 2).of_slot(weight, 2), padded)
