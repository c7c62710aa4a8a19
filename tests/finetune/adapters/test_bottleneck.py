"""Bottleneck adapters: formula, start, and no merging."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import BottleneckAdapter
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import merge_adapters
from tests import helpers
from tests.finetune.adapters import models


@pytest.fixture
def base():
    return models.of_layer(layers.Dense(3, "relu", name="dense"), (5,))


def test_equals_numpy(base):
    model = add_adapters(base, BottleneckAdapter(2, "tanh"))
    models.shake(model)
    d, c, u, e = (helpers.to_numpy(w) for w in model.trainable_weights)
    x = models.rows(4, 5)
    y = models.outputs(base, x)
    expected = y + np.tanh(y @ d + c) @ u + e
    np.testing.assert_allclose(models.outputs(model, x), expected, atol=1e-5)


def test_at_first_nothing_changes_and_the_second_half_learns(base):
    model = add_adapters(base, BottleneckAdapter(4))
    x = models.rows(8, 5)
    np.testing.assert_array_equal(model(x), base(x))

    def loss():
        return keras.ops.mean((model(x) - 1) ** 2)

    weights = model.trainable_weights
    down, _, up, bias = helpers.gradients_of_variables(loss, weights)
    assert not down.any()
    assert np.abs(up).max() > 1e-4 and np.abs(bias).max() > 1e-4
    before = float(loss())
    weights[2].assign(-0.1 * up)
    assert float(loss()) < before


def test_it_cannot_be_merged(base):
    model = add_adapters(base, BottleneckAdapter(2))
    with pytest.raises(ValueError, match="'default' at layer 'dense'.*linear"):
        merge_adapters(model)


def test_features_first_are_refused():
    layer = layers.Conv2D(3, 2, data_format="channels_first")
    layer.build((2, 3, 4, 4))
    assert "features first" in BottleneckAdapter().refusal(layer)
    assert "not supported" in BottleneckAdapter().refusal(layers.LSTM(3))


@pytest.mark.parametrize("width", [0, 1.5, None, True])
def test_wrong_width_is_refused(width):
    with pytest.raises(ValueError, match="`width`.*positive integer"):
        BottleneckAdapter(width)
