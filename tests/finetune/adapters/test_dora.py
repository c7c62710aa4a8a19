"""DoRA: formula, lengths, and a gradient that stops at the lengths."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import add_adapters
from tests import helpers
from tests.finetune.adapters import models


@pytest.fixture
def base():
    model = models.of_layer(layers.Dense(3, "tanh", name="dense"), (5,))
    model.layers[0].bias.assign([1.0, -2.0, 0.5])
    return model


def numpy_dora(x, kernel, bias, a, b, m, scale, lengths=None):
    v = kernel + scale * a @ b
    lengths = np.sqrt((v**2).sum(0)) if lengths is None else lengths
    return np.tanh(x @ (m * v / lengths) + bias)


def _weights(base, model):
    kernel, bias = (w.astype("float64") for w in base.get_weights())
    learnt = [
        helpers.to_numpy(w).astype("float64") for w in model.trainable_weights
    ]
    return kernel, bias, *learnt


def test_equals_numpy(base):
    model = add_adapters(base, DoRA(rank=2, alpha=6))
    models.shake(model)
    x = models.rows(4, 5)
    expected = numpy_dora(x, *_weights(base, model), scale=3.0)
    np.testing.assert_allclose(models.outputs(model, x), expected, atol=1e-5)


def test_at_first_lengths_are_the_kernels(base):
    model = add_adapters(base, DoRA(rank=2))
    kernel, _, _, _, m = _weights(base, model)
    np.testing.assert_allclose(m, np.sqrt((kernel**2).sum(0)), rtol=1e-6)
    x = models.rows(4, 5)
    np.testing.assert_allclose(model(x), base(x), atol=1e-6)


def test_the_length_of_a_b_does_not_matter_for_the_lengths(base):
    """Columns of the merged kernel are as long as m says."""
    model = add_adapters(base, DoRA(rank=2))
    models.shake(model)
    kernel, _ = model.layers[0].merged_weights()
    *_, m = _weights(base, model)
    lengths = np.sqrt((helpers.to_numpy(kernel) ** 2).sum(0))
    np.testing.assert_allclose(lengths, np.abs(m), rtol=1e-5)


def test_gradient_does_not_go_through_the_lengths(base):
    model = add_adapters(base, DoRA(rank=2, alpha=2))
    models.shake(model)
    x = models.rows(4, 5).astype("float64")
    kernel, bias, a, b, m = _weights(base, model)
    lengths = np.sqrt(((kernel + a @ b) ** 2).sum(0))

    def detached(b):
        return numpy_dora(x, kernel, bias, a, b, m, 1.0, lengths).sum()

    def whole(b):
        return numpy_dora(x, kernel, bias, a, b, m, 1.0).sum()

    (by_b,) = helpers.gradients_of_variables(
        lambda: keras.ops.sum(model(x)), model.trainable_weights[1:2]
    )
    expected = helpers.numeric_gradient(detached, b)
    np.testing.assert_allclose(by_b, expected, atol=1e-4)
    assert np.abs(helpers.numeric_gradient(whole, b) - expected).max() > 1e-2


def test_lengths_learn_with_the_right_sign(base):
    model = add_adapters(base, DoRA(rank=2))
    x = models.rows(8, 5)

    def loss():
        return keras.ops.mean(model(x) ** 2)

    m = model.trainable_weights[2]
    (by_m,) = helpers.gradients_of_variables(loss, [m])
    before = float(loss())
    m.assign(m - 0.1 * by_m)
    assert float(loss()) < before and np.abs(by_m).max() > 1e-4


def test_a_column_of_zeros_gives_no_nan(base):
    kernel = helpers.to_numpy(base.layers[0].kernel).copy()
    kernel[:, 1] = 0
    base.layers[0].kernel.assign(kernel)
    model = add_adapters(base, DoRA(rank=2))
    assert np.isfinite(models.outputs(model, models.rows(4, 5))).all()


def test_scale():
    assert DoRA(rank=4, alpha=6).scale == 1.5
