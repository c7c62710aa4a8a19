"""Deeper networks: identity layers, batch norm, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.deepen import deepen
from tests import helpers
from tests.finetune.morphism import architectures


@pytest.mark.parametrize("seed", [1, 2])
def test_random_networks_compute_the_same(seed):
    model, _ = architectures.random_network(seed)
    before = model.get_weights()
    candidates = [
        layer.name
        for layer in model.layers
        if layer.name.startswith(("activation", "max_pool", "flatten"))
        and "linear" not in str(layer.get_config().get("activation"))
    ]
    assert len(candidates) > 2
    for name in candidates[:3]:
        deeper = deepen(model, name, batch_norm=seed == 2)
        assert len(deeper.weights) > len(model.weights)
        assert architectures.difference(model, deeper) < 1e-5
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_kernels_equal_numpy():
    deeper = deepen(architectures.conv_net(), "pool", kernel_size=5)
    conv = deeper.get_layer("pool_deepened")
    expected = np.zeros((5, 5, 4, 4))
    for channel in range(4):
        expected[2, 2, channel, channel] = 1.0
    np.testing.assert_array_equal(conv.kernel, expected)
    np.testing.assert_array_equal(conv.bias, 0)
    assert conv.activation is keras.activations.relu
    dense = deepen(architectures.plain_perceptron(), "hidden").layers[1]
    np.testing.assert_array_equal(dense.kernel, np.eye(5))


@pytest.mark.parametrize("shape", [(6, 3), (4, 4, 4, 2)])
def test_sequences_and_volumes(shape):
    x = inputs = keras.Input(shape)
    x = layers.ReLU(6, name="relu")(layers.Dense(3)(x))
    model = architectures.randomized(keras.Model(inputs, layers.Dense(2)(x)))
    deeper = deepen(model, "relu", name="new")
    assert deeper.get_layer("new").activation is keras.activations.relu6
    assert len(deeper.get_layer("new").kernel.shape) == len(shape) + 1
    assert architectures.difference(model, deeper) < 1e-5


def test_batch_norm_has_the_statistics_of_the_data(generator):
    model = architectures.conv_net()
    data = generator.normal(size=(300, 8, 8, 3)).astype("float32") + 1.0
    deeper = deepen(model, "relu_1", batch_norm=True, data=data)
    inner = keras.Model(model.inputs[0], model.get_layer("relu_1").output)
    values = np.asarray(inner(data), "float64").reshape(-1, 4)
    norm = deeper.get_layer("relu_1_deepened_norm")
    mean, variance = values.mean(axis=0), values.var(axis=0)
    np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-4)
    np.testing.assert_allclose(norm.beta, mean, rtol=1e-4)
    np.testing.assert_allclose(
        norm.gamma, np.sqrt(variance + norm.epsilon), rtol=1e-4
    )
    assert architectures.difference(model, deeper) < 1e-5


def test_with_data_training_begins_at_the_same_function(generator):
    """For the statistics of a batch are close to those of all the data."""
    model = architectures.plain_perceptron()
    data = generator.normal(size=(600, 4)).astype("float32")
    batch = data[:300]
    expected = np.asarray(model(batch))
    found = {}
    for given in (None, data):
        deeper = deepen(model, "hidden", batch_norm=True, data=given)
        answer = np.asarray(deeper(batch, training=True))
        found[given is None] = np.abs(answer - expected).mean()
    assert found[False] < 0.1 * np.abs(expected).mean()
    assert found[False] < 0.2 * found[True]


def test_batch_norm_without_data():
    model = architectures.plain_perceptron()
    deeper = deepen(model, "hidden", batch_norm=True)
    norm = deeper.get_layer("hidden_deepened_norm")
    np.testing.assert_array_equal(norm.moving_mean, 0)
    np.testing.assert_allclose(norm.gamma, np.sqrt(1 + norm.epsilon), rtol=1e-6)
    assert not deeper.get_layer("hidden_deepened").use_bias
    assert architectures.difference(model, deeper) < 1e-5


def test_several_times():
    model = architectures.plain_perceptron()
    deeper = deepen(deepen(model, "hidden"), "hidden")
    names = [layer.name for layer in deeper.layers]
    assert names == ["hidden", "hidden_deepened_2", "hidden_deepened", "head"]
    assert isinstance(deeper, keras.Sequential)
    assert architectures.difference(model, deeper) < 1e-5


def test_gradients_reach_the_new_layer_and_lower_the_loss():
    deeper = deepen(architectures.plain_perceptron(), "hidden")
    x = architectures.inputs_of(deeper, 16)

    def loss():
        return keras.ops.mean(keras.ops.square(deeper(x) - x[:, :3]))

    kernel = deeper.get_layer("hidden_deepened").kernel
    (gradient,) = helpers.gradients_of_variables(loss, [kernel])
    assert np.abs(gradient).max() > 1e-3
    before = float(loss())
    kernel.assign(helpers.to_numpy(kernel) - 1e-3 * gradient)
    assert float(loss()) < before


def test_plain_fit_trains_the_new_layer():
    deeper = deepen(architectures.plain_perceptron(), "hidden")
    deeper.compile("adam", "mse")
    x = architectures.inputs_of(deeper, 8)
    deeper.fit(x, x[:, :3], verbose=0)
    assert np.abs(deeper.layers[1].kernel - np.eye(5)).max() > 1e-4


def test_a_layer_in_a_model_inside_the_model():
    backbone = architectures.conv_net()
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, backbone(inputs))
    path = f"{backbone.name}/relu_1"
    deeper = deepen(model, path)
    assert deeper.get_layer(backbone.name).get_layer("relu_1_deepened")
    assert architectures.difference(model, deeper) < 1e-5
    with pytest.raises(ValueError, match="`data`.*inside the model"):
        deepen(model, path, batch_norm=True, data=np.ones((2, 8, 8, 3)))


def with_activation(activation):
    inputs = keras.Input((4,))
    x = layers.Dense(3, activation=activation, name="hidden")(inputs)
    x = layers.Dense(3, activation="relu", name="good")(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "linear"])
def test_other_activations_are_refused_with_a_hint(name):
    with pytest.raises(ValueError, match="ReLU.*tanh.*Possible are 'good'"):
        deepen(with_activation(name), "hidden")


def test_wrong_arguments_are_refused():
    model = architectures.perceptron()
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        deepen(model, "rleu")
    with pytest.raises(ValueError, match="`kernel_size`.*odd"):
        deepen(model, "relu", kernel_size=2)
    with pytest.raises(ValueError, match="for a batch norm only"):
        deepen(model, "relu", data=np.ones((2, 4)))
    with pytest.raises(ValueError, match="`name`.*no layer has"):
        deepen(model, "relu", name="head")
    with pytest.raises(ValueError, match="This model has none"):
        inputs = keras.Input((4,))
        deepen(keras.Model(inputs, layers.Dense(2, name="a")(inputs)), "a")
