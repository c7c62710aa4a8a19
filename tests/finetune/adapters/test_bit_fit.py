"""BitFit: exactly the biases learn, and the base keeps its own."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import BitFit
from keras_transfer.finetune.adapters import add_adapters
from tests import helpers
from tests.finetune.adapters import models


def test_equals_numpy():
    base = models.of_layer(layers.Dense(3, "tanh", name="dense"), (5,))
    model = add_adapters(base, BitFit())
    models.shake(model)
    (offset,) = (helpers.to_numpy(w) for w in model.trainable_weights)
    x = models.rows(4, 5)
    kernel, bias = base.get_weights()
    expected = np.tanh(x @ kernel + bias + offset)
    np.testing.assert_allclose(models.outputs(model, x), expected, atol=1e-5)


def test_as_many_weights_as_biases():
    base = models.dense()
    model = add_adapters(base, BitFit())
    biases = [w for w in base.weights if w.name in ("bias", "beta")]
    assert models.learning(model) == [tuple(w.shape) for w in biases]
    x = models.rows(4, 5)
    np.testing.assert_array_equal(model(x), base(x))


def test_gradient_is_that_of_the_bias():
    base = models.of_layer(layers.Dense(3, name="dense"), (5,))
    model = add_adapters(base, BitFit())
    x = models.rows(4, 5)
    (of_offset,) = helpers.gradients_of_variables(
        lambda: keras.ops.mean(model(x) ** 2), model.trainable_weights
    )
    (of_bias,) = helpers.gradients_of_variables(
        lambda: keras.ops.mean(base(x) ** 2), base.trainable_weights[1:]
    )
    np.testing.assert_allclose(of_offset, of_bias, atol=1e-6)
    assert np.abs(of_bias).max() > 1e-4


def test_layers_without_a_bias_are_left_out():
    base = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, use_bias=False),
            layers.Dense(3, name="last"),
        ]
    )
    assert models.learning(add_adapters(base, BitFit())) == [(3,)]


def test_layers_that_are_not_known_are_refused():
    layer = layers.PReLU()
    layer.build((2, 4))
    assert "not supported" in BitFit().refusal(layer)
    assert not BitFit().applies(layer)
    norm = layers.LayerNormalization((1, 3))
    norm.build((2, 4, 5, 6))
    assert BitFit().refusal(norm) == "has the axes [1, 3]"


def test_wrong_target_is_refused():
    with pytest.raises(ValueError, match="`target`"):
        BitFit(target=3)
