"""Losses, regularization and state of the outer loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import outer_step
from keras_transfer.meta.fast_model import FastModel
from tests.meta.small_maml import network


@pytest.mark.parametrize(
    "loss",
    ["mse", keras.losses.MeanSquaredError(), keras.losses.mean_squared_error],
)
def test_losses_are_means(loss, generator):
    labels, outputs = generator.normal(size=(2, 5, 3))
    found = outer_step.mean_loss(keras.losses.get(loss), labels, outputs)
    expected = np.mean((labels - outputs) ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_loss_that_sums_still_does(generator):
    labels, outputs = generator.normal(size=(2, 5, 3))
    loss = keras.losses.MeanSquaredError(reduction="sum")
    found = outer_step.mean_loss(loss, labels, outputs)
    expected = np.sum(np.mean((labels - outputs) ** 2, -1))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_regularization_is_added_to_the_gradients():
    model = network(kernel_regularizer=keras.regularizers.L2(0.1))
    variables = model.trainable_variables
    ones = [tf.ones(v.shape) for v in variables]
    gradients, cost = outer_step.with_regularization(
        ones, variables, lambda loss: 8.0 * loss
    )
    kernel = np.array(variables[-2])
    np.testing.assert_allclose(cost, 0.1 * np.sum(kernel**2), rtol=1e-6)
    np.testing.assert_allclose(
        gradients[-2], 1.0 + 8.0 * 0.2 * kernel, rtol=1e-5
    )
    for gradient in (*gradients[:-2], gradients[-1]):
        np.testing.assert_array_equal(gradient, np.ones(gradient.shape))


def test_without_regularizers():
    gradients, cost = outer_step.with_regularization(
        [tf.ones(2)], [keras.Variable([1.0, 2.0])], lambda loss: loss
    )
    assert float(cost) == 0.0
    np.testing.assert_array_equal(gradients[0], [1.0, 1.0])


def test_state_is_assigned():
    model = network(0.5, batch_norm=True)
    fast = FastModel(model)
    values = [tf.ones_like(value) for value in fast.state_values()]
    outer_step.assign_state(fast, fast.state, values)
    for variable in fast.state:
        np.testing.assert_array_equal(variable, np.ones(variable.shape))
