"""Side-tuning: the mixture, its start, and what learns."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import SideTuning
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import set_adapter
from tests import helpers
from tests.finetune.adapters import models


@pytest.fixture
def base():
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation="tanh", name="features"),
            layers.Dense(3, name="head"),
        ]
    )


@pytest.fixture
def side():
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.BatchNormalization(),
            layers.Dense(4, name="side"),
        ]
    )


def test_equals_numpy(base, side):
    model = add_adapters(base, SideTuning(side, "features", alpha=0.7))
    x = models.rows(6, 5)
    features = models.outputs(keras.Sequential(base.layers[:1]), x)
    mixed = 0.7 * features + 0.3 * models.outputs(side, x)
    kernel, bias = base.get_layer("head").get_weights()
    np.testing.assert_allclose(model(x), mixed @ kernel + bias, atol=1e-5)


def test_the_side_is_a_copy_that_learns_with_the_mixture(base, side):
    adapter = SideTuning(side, "features")
    model = add_adapters(base, adapter, also_train="head")
    before = side.get_weights()
    assert len(models.learning(model)) == 5 + 2
    x, y = models.rows(8, 5), models.rows(8, 3)

    def loss():
        return keras.ops.mean((model(x) - y) ** 2)

    gradients = helpers.gradients_of_variables(loss, model.trainable_weights)
    assert min(np.abs(g).max() for g in gradients) > 1e-5
    start = float(loss())
    for weight, gradient in zip(
        model.trainable_weights, gradients, strict=True
    ):
        weight.assign(weight - 0.05 * gradient)
    assert float(loss()) < start
    for old, new in zip(before, side.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_switched_off_it_is_the_base(base, side):
    model = add_adapters(base, SideTuning(side, "features"))
    x = models.rows(6, 5)
    assert np.abs(models.outputs(model, x) - models.outputs(base, x)).max() > 0
    set_adapter(model, {})
    np.testing.assert_array_equal(model(x), base(x))


def test_round_trip(base, side):
    adapter = SideTuning(side, "features", alpha=0.7)
    config = keras.saving.serialize_keras_object(adapter)
    again = keras.saving.deserialize_keras_object(config)
    assert again.target == ("features",) and again.alpha == 0.7
    assert again.side.output_shape == (None, 4)


@pytest.mark.parametrize("alpha", [0, 1, -1, None])
def test_wrong_alpha_is_refused(side, alpha):
    with pytest.raises(ValueError, match="`alpha`.*between 0 and 1"):
        SideTuning(side, "features", alpha)


def test_a_side_that_is_no_model_is_refused():
    with pytest.raises(ValueError, match="`side`.*a built keras.Model"):
        SideTuning(layers.Dense(3), "features")
