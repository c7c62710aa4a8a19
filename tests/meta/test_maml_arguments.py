"""What MAML refuses."""

import keras
import pytest
from keras import layers

import keras_transfer as kt
from tests.meta.small_maml import network


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"inner_steps": -1}, "inner_steps.*at least 0"),
        ({"inner_steps": 1.5}, "inner_steps.*at least 0"),
        ({"inner_steps_at_test": -1}, "inner_steps_at_test"),
        ({"inner_learning_rate": "fast"}, "inner_learning_rate.*a number"),
        ({"inner_gradient_clip": 0}, "inner_gradient_clip.*positive"),
        ({"parallel_tasks": 0}, "parallel_tasks.*positive integer"),
        ({"learn_inner_rates": "layer"}, "Did you mean 'layer_and_step'"),
        ({"statistics": "batch"}, "one of 'transductive'"),
        ({"initialization": "prototype"}, "Did you mean 'prototypes'"),
        ({"options": ["msl"]}, "meta.MultiStepLoss"),
        ({"adapt": "dens"}, "Did you mean 'dense"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.meta.MAML(network(), **arguments)


def test_two_options_of_a_kind():
    with pytest.raises(ValueError, match="at most one each"):
        kt.meta.MAML(network(), options=[kt.meta.MultiStepLoss(2)] * 2)


def test_bad_models():
    with pytest.raises(ValueError, match="a keras.Model"):
        kt.meta.MAML(layers.Dense(2))
    with pytest.raises(ValueError, match="is not built"):
        kt.meta.MAML(keras.Sequential([layers.Dense(2)]))
    model = network()
    model.trainable = False
    with pytest.raises(ValueError, match="nothing to train"):
        kt.meta.MAML(model)
    with pytest.raises(ValueError, match="Dense with bias"):
        kt.meta.MAML(network(use_bias=False), initialization="prototypes")
