"""IA3: factors of outputs and of inputs."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import merge_adapters
from tests import helpers
from tests.finetune.adapters import models


@pytest.fixture
def base():
    model = models.of_layer(layers.Dense(3, "tanh", name="dense"), (5,))
    model.layers[0].bias.assign([1.0, -2.0, 0.5])
    return model


def test_outputs_equal_numpy(base):
    model = add_adapters(base, IA3("dense"))
    models.shake(model, 2.0)
    (factor,) = (helpers.to_numpy(w) for w in model.trainable_weights)
    x = models.rows(4, 5)
    kernel, bias = base.get_weights()
    expected = factor * np.tanh(x @ kernel + bias)
    np.testing.assert_allclose(models.outputs(model, x), expected, atol=1e-5)


def test_inputs_equal_numpy(base):
    model = add_adapters(base, IA3((), "dense"))
    models.shake(model, 2.0)
    (factor,) = (helpers.to_numpy(w) for w in model.trainable_weights)
    assert factor.shape == (5,)
    x = models.rows(4, 5)
    kernel, bias = base.get_weights()
    expected = np.tanh((factor * x) @ kernel + bias)
    np.testing.assert_allclose(models.outputs(model, x), expected, atol=1e-5)


@pytest.mark.parametrize("arguments", [("dense",), ((), "dense")])
def test_at_first_factors_are_one_and_learn(base, arguments):
    model = add_adapters(base, IA3(*arguments))
    x = models.rows(4, 5)
    np.testing.assert_array_equal(model(x), base(x))
    (factor,) = model.trainable_weights
    np.testing.assert_array_equal(factor, 1)

    def loss():
        return keras.ops.mean(model(x) ** 2)

    (gradient,) = helpers.gradients_of_variables(loss, [factor])
    before = float(loss())
    factor.assign(1 - 0.1 * gradient)
    assert float(loss()) < before and np.abs(gradient).max() > 1e-4


def test_the_default_is_keys_and_values_of_attention():
    model = add_adapters(models.attention(), IA3())
    assert models.learning(model) == [(2, 3), (2, 3)]


def test_input_target_goes_first():
    model = add_adapters(models.dense(), IA3("dense*", "dense_2"))
    assert models.learning(model) == [(6,), (6,)]
    assert not model.layers[0].branches["default"].scales_inputs
    assert model.layers[2].branches["default"].scales_inputs


def test_factors_after_an_activation_cannot_be_merged(base):
    model = add_adapters(base, IA3("dense"))
    with pytest.raises(ValueError, match="'tanh'; name the next layer"):
        merge_adapters(model)


def test_one_bias_for_several_features_cannot_be_merged():
    layer = layers.EinsumDense("abc,cde->abde", (4, 2, 3), bias_axes="d")
    model = add_adapters(models.of_layer(layer, (4, 6)), IA3("*"))
    with pytest.raises(ValueError, match="one bias for several features"):
        merge_adapters(model)


def test_no_target_is_refused():
    with pytest.raises(ValueError, match="`target`"):
        IA3(())
