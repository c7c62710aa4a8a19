"""The weights of the losses on the way, and the option in MAML."""

import numpy as np
import pytest

import keras_transfer as kt
from tests.meta.small_maml import batch
from tests.meta.small_maml import new_maml
from tests.meta.small_maml import result
from tests.meta.test_derivative_order_annealing import train_step


def _twin(epoch, epochs, steps):
    """As the authors' code has it, step by step."""
    weights = np.ones(steps) / steps
    decay, floor = 1.0 / steps / epochs, 0.03 / steps
    for step in range(steps - 1):
        weights[step] = np.maximum(weights[step] - epoch * decay, floor)
    weights[-1] = np.minimum(
        weights[-1] + epoch * (steps - 1) * decay,
        1.0 - (steps - 1) * floor,
    )
    return weights


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_weights_equal_their_twin(steps):
    loss = kt.meta.MultiStepLoss(epochs=10)
    for epoch in range(12):
        weights = loss.weights(epoch, steps)
        np.testing.assert_allclose(weights, _twin(epoch, 10, steps), rtol=1e-5)
        np.testing.assert_allclose(np.sum(weights), 1.0, rtol=1e-6)


def test_it_counts_until_its_last_epoch():
    option = kt.meta.MultiStepLoss(epochs=2)
    maml = new_maml(inner_steps=2, options=[option])
    plain = new_maml(maml.model, inner_steps=2)
    x, y = batch()
    for epoch in range(3):
        weights = option.weights(epoch, 2) if epoch < 2 else None
        expected = result(plain, x, y, step_weights=weights)
        loss, gradients = train_step(maml, x, y, epoch)
        np.testing.assert_allclose(loss, expected.loss, rtol=1e-6)
        for one, other in zip(gradients, expected.gradients, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_single_step_leaves_it_out():
    maml = new_maml(options=[kt.meta.MultiStepLoss(epochs=2)])
    loss, _ = train_step(maml, *batch(), epoch=0)
    np.testing.assert_allclose(loss, result(maml, *batch()).loss, rtol=1e-6)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2"])
def test_bad_epochs(epochs):
    with pytest.raises(ValueError, match="epochs.*positive integer"):
        kt.meta.MultiStepLoss(epochs)


def test_config():
    option = kt.meta.MultiStepLoss(epochs=7)
    again = kt.meta.MultiStepLoss.from_config(option.get_config())
    assert again.epochs == 7
