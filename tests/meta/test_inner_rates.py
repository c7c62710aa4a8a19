"""Fixed and learnt step sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.meta.inner_rates import InnerRates
from keras_transfer.meta.inner_rates import stepped
from tests.meta import small_models
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml

SHAPES = {
    None: [],
    "shared": [()],
    "layer_and_step": [(3,)] * 4,
    "parameter": [(4, 5), (5,), (5, 3), (3,)],
}


@pytest.mark.parametrize("kind", SHAPES)
def test_rates_begin_at_the_number(kind):
    variables = small_models.dense().trainable_variables
    rates = InnerRates(variables, kind, 0.3, steps=3)
    assert [tuple(v.shape) for v in rates.trainable_variables] == SHAPES[kind]
    values = {
        id(v): tf.convert_to_tensor(v.value) for v in rates.trainable_variables
    }
    for step in (0, 2, 7):
        for variable in variables:
            rate = rates.at(step, variable, values)
            np.testing.assert_allclose(rate, np.full(np.shape(rate), 0.3))


def test_later_steps_take_the_last_rate():
    variables = small_models.dense().trainable_variables
    rates = InnerRates(variables, "layer_and_step", 0.3, steps=2)
    values = {
        id(v): tf.constant([0.1 * n, -0.2])
        for n, v in enumerate(rates.trainable_variables)
    }
    found = [
        [float(rates.at(step, v, values)) for v in variables]
        for step in (0, 1, 2)
    ]
    np.testing.assert_allclose(found[0], [0.0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(found[1], [-0.2] * 4)
    assert found[2] == found[1]


def test_a_step_keeps_the_precision_of_its_number():
    weight = tf.constant([1.0], "float64")
    found = stepped(weight, 0.1, tf.constant([1.0], "float64"))
    assert float(found[0]) == 0.9


def test_rates_learn_and_may_become_negative():
    keras.utils.set_random_seed(0)
    maml = new_maml(
        network(),
        keras.optimizers.SGD(100.0),
        learn_inner_rates="parameter",
        inner_learning_rate=0.01,
    )
    maml.train_on_batch(*batch())
    rates = maml.trainable_variables[len(maml.model.trainable_variables) :]
    assert any(np.any(np.array(rate) < 0) for rate in rates)
    assert all(np.any(np.array(rate) != 0.01) for rate in rates)


def test_what_was_frozen_has_no_rate():
    model = network()
    model.layers[-1].trainable = False
    maml = kt.meta.MAML(model, learn_inner_rates="parameter")
    model.layers[-1].trainable = True
    maml.compile("sgd")
    with pytest.raises(ValueError, match="frozen when its trainer was made"):
        maml.train_on_batch(*batch())
