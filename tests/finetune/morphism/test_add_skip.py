"""Connections that begin at zero."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.add_skip import add_skip
from tests import helpers
from tests.finetune.morphism import architectures


def residual_branch(channels):
    return [
        layers.Conv2D(channels, 3, padding="same", name="branch_conv"),
        layers.ReLU(),
        layers.Conv2D(channels, 3, padding="same", use_bias=False),
        layers.BatchNormalization(name="branch_norm"),
        layers.Dropout(0.1),
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("image", "conv_1"),
        ("conv_1", "relu_1"),
        ("relu_1", "conv_2"),
        ("image", "pool"),
        ("head", "head"),
    ],
)
def test_a_projection_changes_nothing_and_learns(start, end):
    model = architectures.conv_net()
    model = keras.Model(*_renamed(model), name="net")
    before = model.get_weights()
    skipped = add_skip(model, start, end)
    assert architectures.difference(model, skipped) == 0.0
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    x = architectures.inputs_of(skipped, 4)

    def loss():
        return keras.ops.mean(keras.ops.square(skipped(x) - 1.0))

    kernel = skipped.get_layer(f"{end}_skip_branch").kernel
    assert not np.any(kernel)
    (gradient,) = helpers.gradients_of_variables(loss, [kernel])
    assert np.abs(gradient).max() > 1e-4
    first = float(loss())
    kernel.assign(-1e-4 * gradient)
    assert float(loss()) < first


def _renamed(model):
    inputs = keras.Input((8, 8, 3), name="image")
    x = inputs
    for layer in model.layers:
        x = layer(x)
    return inputs, x


def test_outputs_equal_numpy_when_the_branch_has_weights(generator):
    model = architectures.plain_perceptron()
    skipped = add_skip(model, "hidden", "head", name="sum")
    kernel = generator.normal(size=(5, 3))
    skipped.get_layer("sum_branch").kernel.assign(kernel)
    x = architectures.inputs_of(model)
    u, b, v, c = model.get_weights()
    hidden = np.maximum(x @ u + b, 0)
    expected = hidden @ v + c + hidden @ kernel
    np.testing.assert_allclose(skipped(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sequential", [True, False])
def test_a_residual_block(sequential):
    model = architectures.conv_net()
    if not sequential:
        model = keras.Model(model.inputs[0], model.outputs[0])
    skipped = add_skip(model, "relu_1", "relu_1", branch=residual_branch(4))
    assert not isinstance(skipped, keras.Sequential)
    assert architectures.difference(model, skipped) == 0.0
    norm = skipped.get_layer("branch_norm")
    assert not np.any(norm.gamma)
    assert np.any(skipped.get_layer("branch_conv").kernel)
    skipped.compile("sgd", "mse")
    x = architectures.inputs_of(model, 8)
    before = skipped.get_layer("branch_conv").get_weights()[0]
    for _ in range(2):
        skipped.train_on_batch(x, np.ones((8, 3)))
    assert np.any(norm.gamma)
    after = skipped.get_layer("branch_conv").get_weights()[0]
    assert np.abs(before - after).max() > 0


def test_saved_and_loaded(tmp_path):
    model = architectures.conv_net()
    skipped = add_skip(model, "relu_1", "conv_2")
    skipped.save(tmp_path / "skipped.keras")
    loaded = keras.saving.load_model(tmp_path / "skipped.keras")
    assert architectures.difference(skipped, loaded) == 0.0


def test_a_part_of_a_model_inside_the_model():
    backbone = architectures.conv_net()
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, backbone(inputs))
    name = backbone.name
    skipped = add_skip(model, f"{name}/relu_1", f"{name}/conv_2")
    assert skipped.get_layer(name).get_layer("conv_2_skip")
    assert architectures.difference(model, skipped) == 0.0
    with pytest.raises(ValueError, match="`end`.*of the same model"):
        add_skip(model, f"{name}/relu_1", name)


def test_places_that_are_refused():
    model = architectures.conv_net()
    with pytest.raises(ValueError, match="`end`.*depend on 'pool'"):
        add_skip(model, "pool", "conv_1")
    with pytest.raises(ValueError, match="`branch`.*from outputs of shape"):
        add_skip(model, "pool", "head")
    with pytest.raises(ValueError, match="Did you mean 'pool'"):
        add_skip(model, "poll", "conv_2")
    inputs = keras.Input((7, 2), name="rows")
    x = layers.UpSampling1D(name="more")(inputs)
    with pytest.raises(ValueError, match="no stride leads from 7 to 14"):
        add_skip(keras.Model(inputs, x), "rows", "more")
    shared = layers.Dense(2, name="shared")
    with pytest.raises(ValueError, match="`start`.*calls once"):
        model = keras.Model(inputs, shared(shared(inputs)))
        add_skip(model, "shared", "shared")


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        ([], "ends with a Dense layer"),
        ([layers.Conv2D(4, 1), layers.ReLU()], "ends with a Dense layer"),
        ([layers.Conv2D(4, 1, activation="relu")], "without an activation"),
        ([layers.BatchNormalization(scale=False)], "with a scale"),
        ([layers.Conv2D(3, 1)], "outputs of the shape"),
    ],
    ids=["empty", "relu_after", "relu_in", "no_scale", "shape"],
)
def test_branches_that_are_refused(branch, message):
    with pytest.raises(ValueError, match=message):
        add_skip(architectures.conv_net(), "relu_1", "relu_1", branch=branch)
