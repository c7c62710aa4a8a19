"""A SavedModel as a layer: training, freezing, saving, copying, refusing."""

import shutil
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer import zoo

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "momentum": lambda: keras.optimizers.SGD(0.01, momentum=0.9),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01),
}
#: Name of the fixture, and how many variables it trains of how many.
ENCODERS = {
    "image_encoder": (3, 5),
    "keyword_encoder": (3, 5),
    "keras_2_encoder": (4, 6),
    "text_encoder": (1, 1),
    "dict_encoder": (2, 2),
}
each_encoder = pytest.mark.parametrize("name", ENCODERS)


def _inputs(name, generator, rows=16):
    """Rows for an encoder: arrays as a user has them."""
    if name == "text_encoder":
        return np.array(["good film", "bad film"] * (rows // 2), dtype=object)
    if name == "dict_encoder":
        return {
            "input_word_ids": generator.integers(0, 7, (rows, 4)),
            "input_mask": np.ones((rows, 4), "int64"),
        }
    return generator.uniform(0, 1, (rows, 8, 8, 3)).astype("float32")


def _symbols(name):
    if name == "text_encoder":
        return keras.Input((), dtype="string", name="text")
    if name == "dict_encoder":
        return {
            key: keras.Input((4,), dtype="int32", name=key)
            for key in ("input_mask", "input_word_ids")
        }
    return keras.Input((8, 8, 3), name="image")


def _backbone(saved, name, **arguments):
    if name == "dict_encoder":
        arguments.setdefault("output_key", "pooled_output")
    if name == "keyword_encoder":
        arguments.setdefault("arguments", {"batch_norm_momentum": 0.5})
    return zoo.HubBackbone(saved(name), **arguments)


def _model(saved, name, **arguments):
    backbone = _backbone(saved, name, **arguments)
    inputs = _symbols(name)
    outputs = keras.layers.Dense(2, name="head")(backbone(inputs))
    return keras.Model(inputs, outputs), backbone


def _fit(model, x, optimizer="adam", epochs=1, **arguments):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(OPTIMIZERS[optimizer](), loss, **arguments)
    rows = len(keras.tree.flatten(x)[0])
    y = np.arange(rows) % 2
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    history = model.fit(data, epochs=epochs, verbose=0, shuffle=False)
    return history.history["loss"]


def _values(backbone):
    return {
        name: variable.numpy()
        for name, variable in backbone.named_variables.items()
    }


def _changed(before, backbone):
    return {
        name
        for name, value in _values(backbone).items()
        if not np.array_equal(value, before[name])
    }


# === Training


@each_encoder
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_fit_changes_what_is_trainable(saved, generator, name, optimizer):
    model, backbone = _model(saved, name, trainable=True)
    num_trainable, num_all = ENCODERS[name]
    assert len(backbone.trainable_variables) == num_trainable
    assert len(backbone.weights) == num_all
    before = _values(backbone)
    losses = _fit(model, _inputs(name, generator), optimizer, epochs=3)
    assert losses[-1] < losses[0]
    # Statistics of batch norm move in training though they are no gradients'.
    assert len(_changed(before, backbone)) == num_all


@each_encoder
def test_frozen_stays_as_it_is(saved, generator, name):
    model, backbone = _model(saved, name)
    assert not backbone.trainable_variables
    before = _values(backbone)
    _fit(model, _inputs(name, generator))
    assert not _changed(before, backbone)


def test_unfreezing_and_freezing_again(saved, generator):
    model, backbone = _model(saved, "image_encoder")
    x = _inputs("image_encoder", generator)
    backbone.trainable = True
    before = _values(backbone)
    _fit(model, x)
    assert len(_changed(before, backbone)) == 5
    backbone.trainable = False
    before = _values(backbone)
    _fit(model, x)
    assert not _changed(before, backbone)


def test_the_model_freezes_its_backbone(saved, generator):
    model, backbone = _model(saved, "image_encoder", trainable=True)
    model.trainable = False
    before = _values(backbone)
    model(_inputs("image_encoder", generator), training=True)
    assert not _changed(before, backbone)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("conv/*", {"conv/kernel"}),
        ("kernel", {"conv/kernel"}),
        (["norm/g*", "k[a-f]rnel"], {"norm/gamma", "conv/kernel"}),
    ],
)
def test_a_pattern_narrows_what_learns(saved, generator, pattern, expected):
    model, backbone = _model(
        saved,
        "image_encoder",
        trainable=True,
        trainable_variables_matching=pattern,
    )
    x = _inputs("image_encoder", generator)
    backbone.trainable = False
    backbone.trainable = True  # what does not match stays frozen
    before = _values(backbone)
    _fit(model, x)
    assert _changed(before, backbone) == expected


def test_with_a_pattern_batch_norm_moves_if_asked(saved, generator):
    model, backbone = _model(
        saved,
        "image_encoder",
        trainable=True,
        trainable_variables_matching="conv/*",
        batch_norm_training=True,
    )
    before = _values(backbone)
    _fit(model, _inputs("image_encoder", generator))
    expected = {"conv/kernel", "norm/mean", "norm/variance"}
    assert _changed(before, backbone) == expected


def test_training_is_off_in_evaluate_and_predict(saved, generator):
    model, backbone = _model(saved, "image_encoder", trainable=True)
    x = _inputs("image_encoder", generator)
    model.compile(loss="mse")
    before = _values(backbone)
    model.predict(x, verbose=0)
    model.evaluate(x, np.zeros((16, 2)), verbose=0)
    assert not _changed(before, backbone)


def test_the_variables_are_those_of_the_graph(saved, generator):
    backbone = _backbone(saved, "image_encoder")
    x = _inputs("image_encoder", generator)
    before = backbone(x).numpy()
    kernel = backbone.named_variables["conv/kernel"]
    kernel.assign(kernel * 2.0)
    np.testing.assert_allclose(backbone(x), _by_hand(backbone, x), atol=1e-5)
    assert np.abs(backbone(x) - before).max() > 0.01


def _by_hand(backbone, x):
    """`ConvNet.forward` in NumPy, stride 2, in inference mode."""
    values = _values(backbone)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    y = np.einsum(
        "bhwcij,ijco->bhwo", windows[:, ::2, ::2], values["conv/kernel"]
    )
    y = (y - values["norm/mean"]) / np.sqrt(values["norm/variance"] + 1e-3)
    y = y * values["norm/gamma"] + values["norm/beta"]
    return np.maximum(y, 0).mean((1, 2))


def test_regularization_reaches_the_loss(saved, generator):
    backbone = _backbone(saved, "image_encoder", trainable=True)
    x = _inputs("image_encoder", generator)
    backbone(x)
    kernel = _values(backbone)["conv/kernel"]
    (loss,) = backbone.losses
    np.testing.assert_allclose(loss, 0.01 * np.square(kernel).sum(), rtol=1e-5)
    backbone.trainable = False
    backbone(x)
    assert not backbone.losses


def test_regularization_is_part_of_fit(saved, generator):
    model, backbone = _model(saved, "image_encoder", trainable=True)
    x = _inputs("image_encoder", generator)
    _fit(model, x)
    y = np.arange(16) % 2
    with_it = model.evaluate(x, y, verbose=0)
    backbone.trainable = False
    model.compile(loss=model.loss)
    without = model.evaluate(x, y, verbose=0)
    kernel = _values(backbone)["conv/kernel"]
    expected = 0.01 * np.square(kernel).sum()
    np.testing.assert_allclose(with_it - without, expected, rtol=1e-4)


@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_arguments_reach_the_saved_model(saved, generator, momentum):
    backbone = _backbone(
        saved,
        "keyword_encoder",
        trainable=True,
        arguments={"batch_norm_momentum": momentum},
    )
    x = _inputs("keyword_encoder", generator)
    backbone(x, training=True)
    moved = np.abs(_values(backbone)["norm/mean"]).max()
    other = _backbone(saved, "keyword_encoder", trainable=True)
    other(x, training=True)  # 0.5
    moved_at_half = np.abs(_values(other)["norm/mean"]).max()
    np.testing.assert_allclose(moved / moved_at_half, (1 - momentum) / 0.5)


# === Models around it


def test_sequential(saved, generator):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), _backbone(saved, "image_encoder")]
    )
    assert model.output_shape == (None, 4)
    assert model.predict(np.ones((3, 8, 8, 3)), verbose=0).shape == (3, 4)


def test_subclassed(saved, generator):
    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            self.backbone = _backbone(saved, "image_encoder", trainable=True)
            self.head = keras.layers.Dense(2)

        def call(self, inputs, training=None):
            return self.head(self.backbone(inputs, training=training))

    model = Classifier()
    before = _values(model.backbone)
    _fit(model, _inputs("image_encoder", generator))
    assert len(_changed(before, model.backbone)) == 5


@each_encoder
def test_shapes_are_known_without_a_batch(saved, generator, name):
    backbone = _backbone(saved, name)
    outputs = backbone(_symbols(name))
    values = backbone(
        keras.tree.map_structure(
            tf.convert_to_tensor, _inputs(name, generator, rows=2)
        )
    )
    assert outputs.shape == (None, *values.shape[1:])
    assert outputs.dtype == values.dtype.name


def test_dicts_come_out_whole_without_a_key(saved, generator):
    backbone = zoo.HubBackbone(saved("dict_encoder"))
    outputs = backbone(_symbols("dict_encoder"))
    assert outputs["pooled_output"].shape == (None, 3)
    assert outputs["sequence_output"].shape == (None, 4, 3)


def test_lists_in_and_out(saved):
    backbone = zoo.HubBackbone(saved("list_encoder"), output_key=1)
    inputs = [keras.Input((3,)), keras.Input((3,))]
    model = keras.Model(inputs, backbone(inputs))
    ones = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(model([ones, 2 * ones]), 3 * ones)
    assert len(zoo.HubBackbone(saved("list_encoder"))([ones, ones])) == 2


def test_one_waveform_without_a_batch(saved):
    backbone = zoo.HubBackbone(saved("audio_encoder"), output_key=1)
    waveform = keras.Input(batch_shape=(None,))
    model = keras.Model(waveform, backbone(waveform))
    assert model.output_shape == (None, 2)
    frames = model(np.arange(8, dtype="float32"))
    np.testing.assert_array_equal(frames, [[6, 6], [22, 22]])


@pytest.mark.parametrize("given", ["float64", "float16"])
def test_floats_are_cast_to_the_precision_of_the_graph(saved, given):
    backbone = _backbone(saved, "image_encoder")
    x = np.full((2, 8, 8, 3), 0.5)
    np.testing.assert_array_equal(
        backbone(x.astype(given)), backbone(x.astype("float32"))
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(saved, generator, policy):
    keras.config.set_dtype_policy(policy)
    model, backbone = _model(saved, "image_encoder", trainable=True)
    x = _inputs("image_encoder", generator)
    features = backbone(x)
    assert features.dtype == backbone.compute_dtype
    np.testing.assert_allclose(
        tf.cast(features, "float32"),
        _by_hand(backbone, x),
        rtol=0.02,
        atol=0.01,
    )
    before = _values(backbone)
    losses = _fit(model, x, epochs=2)
    assert np.isfinite(losses).all()
    assert len(_changed(before, backbone)) == 5
    assert all(v.dtype == "float32" for v in backbone.weights)


def test_xla_compiles_images_and_leaves_strings(saved, generator):
    model, backbone = _model(saved, "image_encoder", trainable=True)
    assert backbone.supports_jit
    _fit(model, _inputs("image_encoder", generator), jit_compile=True)
    model, backbone = _model(saved, "text_encoder", trainable=True)
    assert not backbone.supports_jit
    model.compile("adam", "mse")  # "auto" decides by the layers
    assert not model.jit_compile


# === Saving


@each_encoder
def test_keras_file(saved, generator, tmp_path, name):
    model, backbone = _model(saved, name, trainable=True)
    x = _inputs(name, generator)
    _fit(model, x)
    x = keras.tree.map_structure(tf.convert_to_tensor, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(model(x), loaded(x))
    for before, after in zip(
        model.trainable_variables, loaded.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert loaded.optimizer.iterations == 2  # it goes on
    loaded.fit(x, np.arange(16) % 2, verbose=0)


def test_safe_mode_refuses_and_says_what_to_pass(saved, tmp_path):
    model, _ = _model(saved, "image_encoder")
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.models.load_model(tmp_path / "model.keras")


@each_encoder
def test_packed_files_need_no_saved_model(
    saved, generator, tmp_path, name, monkeypatch
):
    copy = tmp_path / "copy"
    shutil.copytree(saved(name), copy)
    model, backbone = _model(lambda _: copy, name, packed=True)
    backbone.weights[0].assign(backbone.weights[0] * 1.5)
    model.save(tmp_path / "model.keras")
    x = _inputs(name, generator)
    x = keras.tree.map_structure(tf.convert_to_tensor, x)
    expected = model(x)
    shutil.rmtree(copy)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "another"))
    path = tmp_path / "model.keras"
    loaded = keras.models.load_model(path, safe_mode=False)
    np.testing.assert_array_equal(expected, loaded(x))
    # And once more, from the file that the loaded model makes.
    loaded.save(path)
    again = keras.models.load_model(path, safe_mode=False)
    np.testing.assert_array_equal(expected, again(x))


def test_without_packing_a_missing_saved_model_is_named(saved, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(saved("image_encoder"), copy)
    model, _ = _model(lambda _: copy, "image_encoder")
    model.save(tmp_path / "model.keras")
    shutil.rmtree(copy)
    with pytest.raises(ValueError, match=str(copy)):
        keras.models.load_model(tmp_path / "model.keras", safe_mode=False)


def test_weights_of_another_saved_model_are_refused(saved, tmp_path):
    path = tmp_path / "model.weights.h5"
    for name in ("image_encoder", "keras_2_encoder"):
        inputs = keras.Input((8, 8, 3), name="image")
        backbone = zoo.HubBackbone(saved(name), name="backbone")
        model = keras.Model(inputs, backbone(inputs), name="model")
        if name == "image_encoder":
            model.save_weights(path)
    with warnings.catch_warnings(), pytest.raises(ValueError) as caught:
        warnings.simplefilter("ignore")  # Keras has something to say too
        model.load_weights(path)
    assert "has 5 variables" in str(caught.value)
    assert "has 6" in str(caught.value)


def test_a_pattern_does_not_change_the_order_in_a_file(saved, tmp_path):
    path = tmp_path / "model.weights.h5"
    model, backbone = _model(saved, "image_encoder", trainable=True)
    for number, variable in enumerate(backbone.weights):
        variable.assign(variable + number)
    model.save_weights(path)
    other, narrowed = _model(
        saved, "image_encoder", trainable_variables_matching="norm/gamma"
    )
    assert [v.name for v in narrowed.weights] != [
        v.name for v in backbone.weights
    ]
    other.load_weights(path)
    assert not _changed(_values(backbone), narrowed)


def test_clones_have_the_weights_of_the_zoo(saved):
    model, backbone = _model(saved, "image_encoder")
    original = _values(backbone)
    for variable in backbone.weights:
        variable.assign(variable + 1.0)
    clone = keras.models.clone_model(model)
    assert not _changed(original, clone.layers[1])
    clone.set_weights(model.get_weights())
    assert not _changed(_values(backbone), clone.layers[1])
    assert len(_changed(original, clone.layers[1])) == 5


def test_config_is_complete(saved):
    backbone = zoo.HubBackbone(
        saved("keyword_encoder"),
        trainable=True,
        trainable_variables_matching=["conv/*"],
        batch_norm_training=True,
        arguments={"batch_norm_momentum": 0.5},
        preprocessing=keras.layers.Rescaling(0.5),
        name="mine",
    )
    copy = zoo.HubBackbone.from_config(backbone.get_config())
    assert copy.get_config() == backbone.get_config()
    assert copy.preprocessing.scale == 0.5


# === What it refuses


def _message(error, **arguments):
    with pytest.raises(error) as caught:
        zoo.HubBackbone(**arguments)
    return str(caught.value)


def test_trainable_is_a_boolean(saved):
    path = saved("image_encoder")
    message = _message(ValueError, handle=path, trainable="conv*")
    assert "trainable_variables_matching" in message


def test_a_pattern_that_matches_nothing_lists_names(saved):
    message = _message(
        ValueError,
        handle=saved("image_encoder"),
        trainable_variables_matching="block_1*",
    )
    assert "block_1*" in message and "conv/kernel" in message


@pytest.mark.parametrize(
    ("name", "key"), [("image_encoder", "a"), ("dict_encoder", "pooled")]
)
def test_a_wrong_output_key_is_named(saved, name, key):
    backbone = zoo.HubBackbone(saved(name), output_key=key)
    with pytest.raises(ValueError, match="output_key"):
        backbone(_symbols(name))


def test_wrong_inputs_are_told_in_one_sentence(saved):
    backbone = _backbone(saved, "image_encoder")
    with pytest.raises(ValueError, match="float32.2, 9, 9, 3") as caught:
        backbone(np.ones((2, 9, 9, 3), "float32"))
    assert "(None, 8, 8, 3)" in str(caught.value)


def test_other_values_for_its_variables_are_refused(saved):
    model, backbone = _model(saved, "image_encoder", trainable=True)
    values = [v.value * 2.0 for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    with pytest.raises(ValueError, match="cannot be replaced"):
        model.stateless_call(values, others, np.ones((2, 8, 8, 3), "float32"))


@pytest.mark.parametrize("batch_norm", ["separate", "domain_specific"])
def test_domain_adaptation_takes_it_with_shared_batch_norm_only(
    saved, batch_norm
):
    model, _ = _model(saved, "image_encoder")
    with pytest.raises(ValueError, match="'shared'"):
        kt.DomainAdaptation(model, batch_norm=batch_norm)


def test_domain_adaptation_trains_it(saved, generator):
    model, backbone = _model(saved, "image_encoder", trainable=True)
    trainer = kt.DomainAdaptation(model, alignment=["dann", "deep_coral"])
    trainer.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    x = _inputs("image_encoder", generator)
    pairs = kt.data.pair_domains((x, np.arange(16) % 2), x + 0.3, batch_size=8)
    before = _values(backbone)
    history = trainer.fit(pairs, epochs=1, verbose=0).history
    assert len(_changed(before, backbone)) == 5
    assert np.isfinite(history["dann_loss"]).all()


# === A SavedModel without the reusable interface


def test_a_signature_is_a_limited_mode(saved, tmp_path):
    path = saved("served_only")
    message = _message(ValueError, handle=path)
    assert "signature=" in message and "serving_default" in message
    message = _message(
        ValueError, handle=path, signature="serving_default", trainable=True
    )
    assert "signature is not trainable" in message
    backbone = zoo.HubBackbone(
        path, signature="serving_default", output_key="scaled"
    )
    model = keras.Sequential([keras.Input((2,)), backbone])
    x = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(model(x), 3 * x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(loaded(x), 3 * x)
    assert not model.trainable_variables and len(model.weights) == 1


# === Preprocessing


def test_images_without_a_card_are_scaled_as_tf_hub_says(saved):
    preprocessing = _backbone(saved, "image_encoder").preprocessing
    assert preprocessing.size == (8, 8)
    assert preprocessing.value_range == (0.0, 1.0)


def test_other_inputs_without_a_card_are_taken_as_they_are(saved):
    preprocessing = _backbone(saved, "text_encoder").preprocessing
    assert isinstance(preprocessing, keras.layers.Identity)


def test_a_string_dtype_is_a_leftover_of_keras_2(saved):
    with pytest.raises(ValueError, match="keras.Input"):
        zoo.HubBackbone(saved("text_encoder"), dtype="string")
