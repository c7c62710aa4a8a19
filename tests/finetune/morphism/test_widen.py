"""Wider layers: the formula, the same function, and training afterwards."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.widen import widen
from tests import helpers
from tests.finetune.morphism import architectures


def origin(wide, narrow):
    """The map g, read from a weight with one column for each unit."""
    equal = np.abs(wide[:, :, None] - narrow[:, None, :]).max(axis=0) < 1e-7
    assert equal.any(axis=1).all()
    return equal.argmax(axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_compute_the_same(seed):
    model, names = architectures.random_network(seed)
    before = model.get_weights()
    for name in names[seed % 3 :: 3]:
        units = model.get_layer(name).get_config()
        units = units.get("filters") or units.get("units")
        wider = widen(model, name, units + 3, seed=seed)
        assert architectures.difference(model, wider) < 1e-5
        assert wider.count_params() > model.count_params()
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_weights_equal_numpy():
    model = architectures.plain_perceptron()
    wider = widen(model, "hidden", 12, noise=0.0, seed=3)
    u, b, v, c = model.get_weights()
    wide_u, wide_b, wide_v, wide_c = wider.get_weights()
    g = origin(wide_u, u)
    counts = np.array([(g == unit).sum() for unit in g])
    assert list(g[:5]) == [0, 1, 2, 3, 4]
    assert counts.max() > 1
    np.testing.assert_array_equal(wide_b, b[g])
    np.testing.assert_allclose(wide_v, v[g] / counts[:, None], rtol=1e-6)
    np.testing.assert_array_equal(wide_c, c)


def test_batch_norm_goes_with_its_channels():
    model = architectures.perceptron()
    wider = widen(model, "first", 9)
    g = origin(
        wider.layers[0].get_weights()[0], model.layers[0].get_weights()[0]
    )
    old, new = (m.get_layer("norm").get_weights() for m in (model, wider))
    assert len(old) == 4
    for ours, theirs in zip(old, new, strict=True):
        np.testing.assert_array_equal(theirs, ours[g])


def test_noise_sums_to_zero_over_the_copies():
    model = architectures.plain_perceptron()
    plain, noisy = (
        widen(model, "hidden", 12, noise=noise, seed=3) for noise in (0.0, 0.5)
    )
    u, _, v, _ = model.get_weights()
    wide_u, _, wide_v, _ = noisy.get_weights()
    g = origin(wide_u, u)
    np.testing.assert_array_equal(plain.get_weights()[0], wide_u)
    noise = wide_v - plain.get_weights()[2]
    sums = np.array([noise[g == unit].sum(axis=0) for unit in range(5)])
    np.testing.assert_allclose(sums, 0, atol=1e-6)
    alone = np.array([(g == unit).sum() == 1 for unit in g])
    assert alone.any()
    np.testing.assert_array_equal(noise[alone], 0)
    relative = noise[~alone].std() / plain.get_weights()[2].std()
    assert 0.2 < relative < 0.8
    assert architectures.difference(model, noisy) < 1e-5


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_copies_part_in_training_if_there_is_noise(noise):
    model = architectures.plain_perceptron()
    wider = widen(model, "hidden", 10, noise=noise)
    g = origin(wider.get_weights()[0], model.get_weights()[0])
    copy, original = 9, g[9]
    wider.compile(keras.optimizers.Adam(0.01), "mse")
    x = architectures.inputs_of(model, 32)
    wider.fit(x, x[:, :3], epochs=3, verbose=0)
    u = wider.get_weights()[0]
    moved = np.abs(u[:, original] - model.get_weights()[0][:, original]).max()
    apart = np.abs(u[:, copy] - u[:, original]).max()
    assert moved > 1e-2
    if noise:
        assert apart > 1e-3
    else:
        assert apart < 1e-6


def test_gradients_reach_new_units_and_lower_the_loss():
    model = architectures.plain_perceptron()
    wider = widen(model, "hidden", 8)
    x = architectures.inputs_of(model, 16)

    def loss():
        return keras.ops.mean(keras.ops.square(wider(x) - x[:, :3]))

    variables = wider.trainable_variables
    found = helpers.gradients_of_variables(loss, variables)
    # A new unit is alive if the one that it is a copy of is.
    assert np.abs(found[0][:, 5:]).max() > 1e-3
    assert np.abs(found[2][5:]).max() > 1e-3
    before = float(loss())
    for variable, gradient in zip(variables, found, strict=True):
        variable.assign(helpers.to_numpy(variable) - 1e-3 * gradient)
    assert float(loss()) < before


def test_seed_decides_and_nothing_else():
    model = architectures.plain_perceptron()
    keras.utils.set_random_seed(1)
    one = widen(model, "hidden", 12, seed=4).get_weights()
    keras.utils.set_random_seed(2)
    same = widen(model, "hidden", 12, seed=4).get_weights()
    other = widen(model, "hidden", 12, seed=5).get_weights()
    np.testing.assert_array_equal(one[2], same[2])
    assert np.abs(one[2] - other[2]).max() > 1e-3


@pytest.mark.slow
def test_a_training_step_with_batch_norm_and_dropout_runs(tmp_path):
    model = architectures.conv_net()
    wider = widen(model, "conv_1", 6)
    assert isinstance(wider, keras.Sequential)
    assert not wider.compiled
    wider.compile("sgd", "mse", jit_compile=True, steps_per_execution=2)
    x = architectures.inputs_of(model, 8)
    wider.fit(x, np.ones((8, 3)), batch_size=2, verbose=0)
    assert architectures.difference(model, wider) > 1e-3
    wider.save(tmp_path / "wider.keras")
    loaded = keras.saving.load_model(tmp_path / "wider.keras")
    assert architectures.difference(wider, loaded) < 1e-6


def residual_with_projection():
    x = inputs = keras.Input((6, 6, 2))
    main = layers.Conv2D(4, 3, strides=2, padding="same", name="layer")(x)
    short = layers.Conv2D(4, 1, strides=2, name="projection")(x)
    x = layers.Add()([main, short])
    x = layers.GlobalMaxPooling2D()(x)
    return architectures.functional(inputs, layers.Dense(2)(x))


def siamese():
    tower = layers.Dense(4, activation="relu", name="layer")
    shared_norm = layers.BatchNormalization()
    first = inputs = keras.Input((6,))
    halves = [first * 0.5, keras.ops.tanh(first)]
    x, y = (shared_norm(tower(half)) for half in halves)
    x = layers.Concatenate()(
        [keras.ops.maximum(x, y), layers.Subtract()([x, y])]
    )
    return architectures.functional(inputs, layers.Dense(2)(x))


def dense_block_into_add():
    """The derived map of a Concatenate meets a projection in an Add."""
    inputs = keras.Input((6,))
    x = layers.Dense(4, name="layer")(inputs)
    x = layers.Concatenate()([inputs, x, x])
    y = layers.Dense(14, name="projection")(inputs)
    return architectures.functional(
        inputs, layers.Dense(2)(layers.Average()([x, y]))
    )


MODELS = {
    "conv_1d": lambda: architectures.sequence(
        layers.Conv1D(4, 3, padding="causal", name="layer"),
        layers.SpatialDropout1D(0.1),
        layers.AveragePooling1D(2),
        layers.SeparableConv1D(3, 2),
        layers.Flatten(),
        layers.Dense(2),
    ),
    "separable_1d": lambda: architectures.sequence(
        layers.SeparableConv1D(4, 3, name="layer"),
        layers.PReLU(),
        layers.DepthwiseConv1D(2),
        layers.UpSampling1D(),
        layers.PReLU(shared_axes=[1]),
        layers.Reshape((-1,)),
        layers.Dense(2),
    ),
    "conv_3d": lambda: architectures.sequence(
        layers.Conv3D(4, 2, name="layer"),
        layers.Conv3DTranspose(3, 2, strides=2),
        layers.GlobalAveragePooling3D(),
        layers.Dense(2),
        shape=(4, 4, 4, 2),
    ),
    "transposed": lambda: architectures.sequence(
        layers.Conv2DTranspose(4, 3, name="layer"),
        layers.ELU(),
        layers.Conv2DTranspose(2, 2),
        shape=(4, 4, 3),
    ),
    "dense_over_time": lambda: architectures.sequence(
        layers.Dense(4, name="layer"),
        layers.LeakyReLU(),
        layers.Dense(2, activation="softmax"),
    ),
    "vectors": lambda: architectures.sequence(
        layers.Dense(4, activation="silu", name="layer"),
        layers.RepeatVector(3),
        layers.Reshape((1, 3, 4)),
        layers.ActivityRegularization(0.1),
        layers.Cropping2D(((0, 0), (1, 0))),
        layers.Flatten(),
        layers.Dense(2),
        shape=(5,),
    ),
    "projection": residual_with_projection,
    "siamese": siamese,
    "dense_block": dense_block_into_add,
    "spread": architectures.spread_channel,
}


@pytest.mark.parametrize("kind", MODELS)
def test_other_layers_compute_the_same(kind):
    model = MODELS[kind]()
    wider = widen(model, "layer", 7)
    assert architectures.difference(model, wider) < 1e-5
    outputs = [np.asarray(model(architectures.inputs_of(model, rows=2)))]
    assert np.abs(outputs[0][0] - outputs[0][1]).max() > 1e-3


def test_branches_of_an_add_are_widened_alike():
    model = residual_with_projection()
    wider = widen(model, "layer", 7)
    assert wider.get_layer("projection").filters == 7
    both = [wider.get_layer(name) for name in ("layer", "projection")]
    biases = [np.asarray(layer.bias) for layer in both]
    old = [np.asarray(model.get_layer(layer.name).bias) for layer in both]
    maps = [
        origin(new[None], one[None])
        for new, one in zip(biases, old, strict=True)
    ]
    np.testing.assert_array_equal(*maps)


def test_an_embedding():
    x = inputs = keras.Input((5,), dtype="int32")
    x = layers.Embedding(7, 4, name="layer")(x)
    x = layers.Dense(2)(layers.GlobalAveragePooling1D()(x))
    model = architectures.functional(inputs, x)
    rows = np.arange(10).reshape(2, 5) % 7
    wider = widen(model, "layer", 6)
    assert wider.get_layer("layer").output_dim == 6
    assert architectures.difference(model, wider, rows) < 1e-5


def test_a_layer_in_a_model_inside_the_model():
    backbone = architectures.conv_net()
    inputs = keras.Input((8, 8, 3))
    x = layers.Dense(2, name="top")(keras.ops.relu(backbone(inputs)))
    model = keras.Model(inputs, x)
    wider = widen(model, f"{backbone.name}/conv_1", 6)
    assert architectures.difference(model, wider) < 1e-5
    assert wider.get_layer(backbone.name).get_layer("conv_1").filters == 6
    assert backbone.get_layer("conv_1").filters == 4
    with pytest.raises(ValueError, match="reach the output of 'head'"):
        widen(model, f"{backbone.name}/head", 6)
    with pytest.raises(ValueError, match="'top' is not a model"):
        widen(model, "top/conv_1", 6)


def test_mixed_precision_keeps_its_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = architectures.plain_perceptron()
    keras.config.set_dtype_policy("float32")
    wider = widen(model, "hidden", 9)
    assert wider.get_layer("hidden").compute_dtype == "bfloat16"
    assert architectures.difference(model, wider) < 0.05
