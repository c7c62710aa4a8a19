"""First order, then second order, by the number of the epoch."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.meta import outer_step
from keras_transfer.training import data_epoch
from tests.meta import small_episodes as small
from tests.meta.small_maml import batch
from tests.meta.small_maml import new_maml
from tests.meta.small_maml import result


def train_step(maml, x, y, epoch):
    """Loss and gradients of a step of an epoch; nothing is left changed."""
    before = [np.array(v) for v in maml.trainable_variables]
    maml.compile(keras.optimizers.SGD(1.0))
    data_epoch.DataEpoch(maml._epoch).on_epoch_begin(epoch)
    loss = maml.train_on_batch(x, y, return_dict=True)["loss"]
    gradients = [
        old - np.array(v)
        for old, v in zip(before, maml.trainable_variables, strict=True)
    ]
    for variable, old in zip(maml.trainable_variables, before, strict=True):
        variable.assign(old)
    return loss, gradients


def test_the_order_of_each_epoch():
    option = kt.meta.DerivativeOrderAnnealing(first_order_epochs=2)
    maml = new_maml(inner_steps=2, options=[option])
    x, y = batch()
    for epoch in range(4):
        plain = new_maml(maml.model, inner_steps=2, first_order=epoch < 2)
        expected = result(plain, x, y).gradients
        _, found = train_step(maml, x, y, epoch)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_fit_tells_the_epoch(monkeypatch):
    seen = []
    original = outer_step.result_of_epoch

    def watched(gradient, x, y, epoch, *others):
        seen.append(int(epoch))
        return original(gradient, x, y, epoch, *others)

    monkeypatch.setattr(outer_step, "result_of_epoch", watched)
    maml = new_maml(options=[kt.meta.DerivativeOrderAnnealing(1)])
    maml.compile("sgd", run_eagerly=True)
    data = small.episodes(steps_per_epoch=1)
    maml.fit(data, initial_epoch=2, epochs=4, verbose=0)
    assert seen == [2, 3]


@pytest.mark.parametrize("epochs", [0, 1.5])
def test_bad_epochs(epochs):
    with pytest.raises(ValueError, match="epochs.*positive integer"):
        kt.meta.DerivativeOrderAnnealing(epochs)


def test_config():
    option = kt.meta.DerivativeOrderAnnealing(7)
    again = kt.meta.DerivativeOrderAnnealing.from_config(option.get_config())
    assert again.first_order_epochs == 7
