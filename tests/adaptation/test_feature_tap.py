"""Where features come from, for every kind of model."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_transfer as kt
from keras_transfer.adaptation import feature_tap
from tests.adaptation import small
from tests.helpers import to_numpy


def _features(model, features=None, x=None):
    x = small.arrays()[0] if x is None else x
    return feature_tap.tap(model, features)(x, training=False)


def _images(rows=6):
    generator = np.random.default_rng(2)
    return generator.normal(size=(rows, 8, 8, 3)).astype("float32")


class Subclassed(keras.Model):
    """A model without a graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = layers.Dense(8, activation="tanh", name="hidden")
        self.dropout = layers.Dropout(0.5, name="dropout")
        self.logits = layers.Dense(small.CLASSES, name="logits")

    def call(self, inputs, training=None):
        x = self.dropout(self.hidden(inputs), training=training)
        return self.logits(x)


def _subclassed():
    model = Subclassed()
    model(np.zeros((1, small.WIDTH)))
    return model


# === The default ===


def test_default_is_the_input_of_the_last_dense_layer():
    model = small.dense_model()
    x = small.arrays()[0]
    (features,), outputs = _features(model)
    np.testing.assert_allclose(features, model.get_layer("hidden")(x))
    np.testing.assert_allclose(outputs, model(x), rtol=1e-6)


def test_default_of_a_sequential_model():
    hidden = layers.Dense(8, activation="tanh")
    model = keras.Sequential([keras.Input((4,)), hidden, layers.Dense(3)])
    x = small.arrays()[0]
    (features,), outputs = _features(model)
    np.testing.assert_allclose(features, hidden(x))
    np.testing.assert_allclose(outputs, model(x), rtol=1e-6)


def test_default_looks_past_what_follows_the_head():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8), layers.Dense(3), layers.Softmax()]
    )
    (features,), _ = _features(model)
    assert features.shape == (24, 8)


def test_default_of_a_convolutional_head_is_averaged_over_space():
    body = layers.Conv2D(5, 3, name="body")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            body,
            layers.Conv2D(3, 1),
            layers.GlobalAveragePooling2D(),
        ]
    )
    (features,), _ = _features(model, x=_images())
    expected = to_numpy(body(_images())).mean(axis=(1, 2))
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_layers_with_two_axes_are_not_averaged():
    model = small.dense_model()
    (features,), _ = _features(model, ["logits"])
    np.testing.assert_allclose(features, model(small.arrays()[0]), rtol=1e-6)


# === By name ===


def test_several_layers_by_name():
    model = small.dense_model(batch_norm=True)
    features, _ = _features(model, ["hidden", "logits"])
    assert [x.shape for x in features] == [(24, 8), (24, 3)]


def test_a_single_name_is_a_list_of_one():
    features, _ = _features(small.dense_model(), "hidden")
    assert len(features) == 1


def test_feature_shapes_are_known_before_the_first_batch():
    tap = feature_tap.tap(small.dense_model(), ["hidden", "logits"])
    assert tap.feature_shapes == ((None, 8), (None, 3))


def test_several_layers_are_summed_by_coral():
    model = small.dense_model()
    source, labels, target = small.arrays()
    trainer = kt.DomainAdaptation(
        model, "deep_coral", features=["hidden", "logits"]
    )
    outputs = trainer({"source": source, "target": target})
    value = trainer.alignment[0](outputs.source, outputs.target)
    hidden = model.get_layer("hidden")
    expected = kt.losses.coral(hidden(source), hidden(target))
    expected += kt.losses.coral(model(source), model(target))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_discriminator_takes_the_joint_width_of_several_layers():
    trainer = small.adapted(
        small.dense_model(), "dann", features=["hidden", "logits"]
    )
    kernel = trainer.alignment[0].discriminator.variables[0]
    assert kernel.shape[0] == 8 + 3


# === Nested models ===


def _nested():
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, name="inside")], name="body"
    )
    inputs = keras.Input((4,))
    x = layers.Activation("tanh", name="bend")(inner(inputs))
    return keras.Model(inputs, layers.Dense(3, name="logits")(x))


def test_a_nested_body_needs_no_name():
    model = _nested()
    (features,), _ = _features(model)
    x = small.arrays()[0]
    expected = np.tanh(to_numpy(model.get_layer("body")(x)))
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_output_of_a_nested_model_by_name():
    model = _nested()
    (features,), _ = _features(model, "body")
    x = small.arrays()[0]
    np.testing.assert_allclose(features, model.get_layer("body")(x), rtol=1e-6)


def test_a_nested_head_asks_for_a_name():
    head = keras.Sequential([keras.Input((8,)), layers.Dense(3)], name="head")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, head(layers.Dense(8, name="body")(inputs)))
    with pytest.raises(
        ValueError, match="nested model 'head'.*Pass features=.*'body'"
    ):
        feature_tap.tap(model)
    assert _features(model, "body")[0][0].shape == (24, 8)


# === Several outputs ===


def _two_outputs():
    inputs = keras.Input((4,))
    x = layers.Dense(8, name="hidden")(inputs)
    outputs = {
        "digit": layers.Dense(3, name="digit")(x),
        "size": layers.Dense(1, name="size")(x),
    }
    return keras.Model(inputs, outputs)


def test_several_outputs_ask_for_a_name():
    with pytest.raises(ValueError, match="has 2 outputs.*Pass features="):
        kt.DomainAdaptation(_two_outputs())


def test_several_outputs_train():
    source, labels, target = small.arrays()
    model = _two_outputs()
    trainer = kt.DomainAdaptation(model, features="hidden")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile("adam", {"digit": loss, "size": "mse"})
    ys = {"digit": labels, "size": source[:, :1]}
    data = kt.data.pair_domains((source, ys), target, batch_size=8)
    before = small.weights(model)
    history = trainer.fit(data, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for old, new in zip(before, small.weights(model), strict=True):
        assert np.abs(old - new).max() > 0


# === Several inputs ===


def test_dict_of_inputs():
    inputs = {
        "a": keras.Input((4,), name="a"),
        "b": keras.Input((2,), name="b"),
    }
    x = layers.Concatenate(name="joined")([inputs["a"], inputs["b"]])
    x = layers.Dense(8, name="hidden")(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    source, labels, target = small.arrays()
    data = kt.data.pair_domains(
        ({"a": source, "b": source[:, :2]}, labels),
        {"a": target, "b": target[:, :2]},
        batch_size=8,
        target_batch_size=5,
    )
    before = small.weights(model)
    small.adapted(model, ["dann", "dan"], data=data, epochs=2)
    for old, new in zip(before, small.weights(model), strict=True):
        assert np.abs(old - new).max() > 0


def test_tuple_of_inputs():
    a, b = keras.Input((4,)), keras.Input((2,))
    x = layers.Dense(8)(layers.Concatenate()([a, b]))
    model = keras.Model([a, b], layers.Dense(3)(x))
    source, labels, target = small.arrays()
    data = kt.data.pair_domains(
        ((source, source[:, :2]), labels), ((target, target[:, :2]),), 8
    )
    small.adapted(model, "dan", data=data)


# === Models without a graph ===


def test_a_subclassed_model_asks_for_a_name():
    with pytest.raises(
        ValueError, match="subclassed model.*Pass features=.*'hidden'"
    ):
        feature_tap.tap(_subclassed())


def test_a_subclassed_model_is_recorded():
    model = _subclassed()
    tap = feature_tap.tap(model, ["hidden"])
    assert isinstance(tap, feature_tap.RecordingTap)
    x = small.arrays()[0]
    (features,), outputs = tap(x, training=False)
    np.testing.assert_allclose(features, model.hidden(x), rtol=1e-6)
    np.testing.assert_allclose(outputs, model(x), rtol=1e-6)


def test_recording_leaves_the_layers_as_they_were():
    model = _subclassed()
    tap = feature_tap.tap(model, ["hidden"])
    tap(small.arrays()[0], training=False)
    assert "call" not in vars(model.hidden)
    with pytest.raises(Exception):  # noqa: B017  (whatever Keras raises)
        tap(np.zeros((2, 9, 9)), training=False)
    assert "call" not in vars(model.hidden)


@pytest.mark.parametrize("batch_norm", ["shared", "separate"])
def test_a_subclassed_model_trains(batch_norm):
    model = _subclassed()
    before = small.weights(model)
    trainer = small.adapted(
        model,
        ["dann", "dan"],
        features="hidden",
        batch_norm=batch_norm,
        epochs=2,
    )
    for old, new in zip(before, small.weights(model), strict=True):
        assert np.abs(old.astype("f8") - new).max() > 0
    # The discriminator came with the first batch and is trained all the same.
    assert trainer.alignment[0].discriminator.built


def test_a_functional_subclass_with_its_own_call_is_recorded():
    class Doubled(keras.Model):
        def call(self, inputs, training=None):
            return 2.0 * super().call(inputs, training=training)

    inputs = keras.Input((4,))
    hidden = layers.Dense(8, name="hidden")(inputs)
    model = Doubled(inputs, layers.Dense(3)(hidden))
    x = small.arrays()[0]
    _, outputs = _features(model, "hidden")
    np.testing.assert_allclose(outputs, model(x), rtol=1e-6)


@pytest.mark.parametrize("features", [[], (), 3, [3], ["hidden", None]])
def test_what_is_no_name_is_refused(features):
    with pytest.raises(ValueError, match="`features`.*name of a layer, or a"):
        feature_tap.tap(small.dense_model(), features)


def test_unknown_name_in_a_subclassed_model():
    with pytest.raises(ValueError, match="Did you mean 'hidden'"):
        feature_tap.tap(_subclassed(), ["hiddn"])


# === Layers that are called twice ===


def test_a_layer_that_is_called_twice_is_refused():
    inputs = keras.Input((4,))
    twice = layers.Dense(4, name="twice")
    x = twice(twice(inputs))
    model = keras.Model(inputs, layers.Dense(3)(x))
    with pytest.raises(ValueError, match="'twice'.*exactly once.*2 calls"):
        feature_tap.tap(model, ["twice"])


def test_a_layer_that_is_called_twice_is_refused_when_recorded():
    class Twice(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(4, name="hidden")

        def call(self, inputs):
            return self.hidden(self.hidden(inputs))

    model = Twice()
    model(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="'hidden'.*exactly once.*2 calls"):
        _features(model, ["hidden"])


def test_a_layer_shared_with_another_model_is_found_in_this_one():
    model = small.dense_model()
    other = keras.Input((4,))
    keras.Model(other, model.get_layer("hidden")(other))
    (features,), _ = _features(model, "hidden")
    assert features.shape == (24, 8)


def test_a_model_without_a_head_asks_for_a_name():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Activation("relu", name="bend")(inputs))
    with pytest.raises(ValueError, match="no dense or convolutional layer"):
        feature_tap.tap(model)
