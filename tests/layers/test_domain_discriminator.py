import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers

pytestmark = pytest.mark.any_backend


def _relu_network(x, weights):
    """Dense layers with relu between, the last one linear, in float64."""
    x = x.astype("float64")
    for index in range(0, len(weights), 2):
        x = x @ weights[index] + weights[index + 1]
        if index < len(weights) - 2:
            x = np.maximum(x, 0)
    return x


@pytest.mark.parametrize("units", [(), (7,), (7, 5)])
def test_equals_numpy(units, generator):
    x = generator.normal(size=(6, 4)).astype("float32")
    layer = kt.layers.DomainDiscriminator(units)
    value = layer(x)
    assert tuple(value.shape) == (6, 1)
    assert len(layer.weights) == 2 * (len(units) + 1)
    expected = _relu_network(x, layer.get_weights())
    np.testing.assert_allclose(value, expected, atol=helpers.TOLERANCE)


def test_activation_is_used(generator):
    x = generator.normal(size=(6, 4)).astype("float32")
    layer = kt.layers.DomainDiscriminator((7,), activation="tanh")
    value = layer(x)
    kernel, bias, last_kernel, last_bias = layer.get_weights()
    expected = np.tanh(x @ kernel + bias) @ last_kernel + last_bias
    np.testing.assert_allclose(value, expected, atol=helpers.TOLERANCE)


def test_dropout_is_for_training_alone():
    x = np.ones((1, 4), "float32")
    layer = kt.layers.DomainDiscriminator((64,), dropout=0.5)
    quiet = [float(layer(x, training=False)[0, 0]) for _ in range(2)]
    noisy = [float(layer(x, training=True)[0, 0]) for _ in range(2)]
    assert quiet[0] == quiet[1]
    assert len({*noisy, quiet[0]}) == 3


def test_a_linear_discriminator_is_a_fixed_map_of_the_features(generator):
    """Its gradient is the kernel, whatever the features."""
    x = generator.normal(size=(3, 4)).astype("float32")
    layer = kt.layers.DomainDiscriminator(())
    layer.build((None, 4))
    (found,) = helpers.gradients(lambda x: layer(x)[0, 0], x)
    np.testing.assert_allclose(found[0], layer.get_weights()[0][:, 0])
    np.testing.assert_array_equal(found[1:], 0)


@pytest.mark.parametrize("units", [64, (0,), (8, -1)])
def test_wrong_units_are_refused(units):
    with pytest.raises(ValueError, match="`units`.*a list of layer widths"):
        kt.layers.DomainDiscriminator(units)
