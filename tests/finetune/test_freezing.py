"""Which layers learn: by name, pattern and index, nested ones too."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune import freezing
from keras_transfer.finetune.freezing import freeze
from keras_transfer.finetune.freezing import unfreeze

LEARN_ALL = ["backbone/first", "backbone/norm", "backbone/second", "head"]


def _model():
    inner = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(4, name="first"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(4, name="second"),
        ],
        name="backbone",
    )
    return keras.Sequential(
        [keras.Input((4,)), inner, keras.layers.Dense(2, name="head")]
    )


@pytest.mark.parametrize(
    ("until", "frozen"),
    [
        ("first", LEARN_ALL[:1]),
        ("backbone/norm", LEARN_ALL[:2]),
        ("backbone", LEARN_ALL[:3]),
        ("s*", LEARN_ALL[:3]),
        (0, LEARN_ALL[:3]),
        (-1, LEARN_ALL),
        (None, LEARN_ALL),
    ],
    ids=["name", "path", "nested", "pattern", "index", "negative", "all"],
)
def test_freeze_up_to_and_including(until, frozen):
    model = _model()
    report = freeze(model, until)
    assert list(report.frozen) == frozen
    assert list(report.trained) == LEARN_ALL[len(frozen) :]
    expected = sum(np.prod(w.shape) for w in model.trainable_weights)
    assert report.trained_weights == expected
    assert report.frozen_weights == model.count_params() - expected


@pytest.mark.parametrize(
    ("from_", "trained"),
    [
        ("head", ["head"]),
        ("second", ["backbone/second", "head"]),
        ("backbone", ["backbone/first", "backbone/second", "head"]),
        (-1, ["head"]),
        (None, ["backbone/first", "backbone/second", "head"]),
    ],
    ids=["name", "inner", "nested", "index", "all"],
)
def test_unfreeze_from_and_including(from_, trained):
    model = _model()
    freeze(model)
    assert list(unfreeze(model, from_).trained) == trained


def test_batch_norm_stays_frozen_unless_told_otherwise():
    model = _model()
    freeze(model)
    norm = model.get_layer("backbone").get_layer("norm")
    unfreeze(model)
    assert not norm.trainable
    unfreeze(model, batch_norm=True)
    assert norm.trainable
    assert freeze(model, batch_norm=False).trained == ("backbone/norm",)


def test_a_batch_norm_that_was_never_frozen_still_learns():
    model = _model()
    unfreeze(model)
    assert list(freezing.report(model).trained) == LEARN_ALL


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_is_in_inference_mode(frozen, generator):
    x = generator.normal(2.0, 3.0, size=(16, 4)).astype("float32")
    model = _model()
    freeze(model, batch_norm=frozen)
    statistics = model.get_layer("backbone").get_layer("norm").moving_mean
    before = np.array(statistics)
    in_training = np.array(model(x, training=True))
    np.testing.assert_equal(
        np.allclose(in_training, model(x, training=False)), frozen
    )
    np.testing.assert_equal(np.array_equal(statistics, before), frozen)


@pytest.mark.parametrize("change", [freeze, unfreeze])
def test_a_compiled_model_must_be_compiled_again(change, generator):
    model = _model()
    x, y = generator.normal(size=(8, 4)), np.ones((8, 2))
    if change is unfreeze:
        freeze(model, until="first")
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    change(model)
    with pytest.raises(ValueError, match="compile"):
        model.fit(x, y, verbose=0)
    before = [np.array(w) for w in model.non_trainable_weights]
    if change is unfreeze:
        model.compile("sgd", "mse")
        first = np.array(model.get_layer("backbone").get_layer("first").kernel)
        model.fit(x, y, verbose=0)
        after = model.get_layer("backbone").get_layer("first").kernel
        assert np.abs(first - after).max() > 0
        for old, now in zip(before, model.non_trainable_weights, strict=True):
            if "norm" not in now.path:
                np.testing.assert_array_equal(old, now)


def test_keras_itself_says_nothing():
    """Why `freeze` does: the layer learns on, without an error."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    x = y = np.ones((4, 2))
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    before = model.get_weights()[0]
    model.trainable = False
    model.fit(x, y, verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 0


def test_nothing_changes_so_nothing_is_asked_for():
    model = _model()
    freeze(model)
    model.compile("sgd", "mse")
    freeze(model)
    assert model.compiled


def test_report_reads_well():
    model = _model()
    text = str(freeze(model, until="backbone"))
    assert text.splitlines() == [
        "3 of 4 layers are frozen (56 weights), 1 learn (10 weights).",
        "frozen: backbone/first, backbone/norm, backbone/second",
        "learn: head",
    ]
    many = keras.Sequential(
        [keras.Input((1,))]
        + [keras.layers.Dense(1, name=f"d{i}") for i in range(9)]
    )
    assert "frozen: d0, d1, d2, ..., d7, d8" in str(freeze(many))


def test_subclassed_models_follow_their_attributes():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.low = keras.layers.Dense(3, name="low")
            self.high = keras.layers.Dense(2, name="high")

        def call(self, inputs):
            return self.high(self.low(inputs))

    model = Own()
    with pytest.raises(ValueError, match="no weights yet"):
        freeze(model)
    model(np.ones((1, 4)))
    assert freeze(model, until="low").trained == ("high",)


@pytest.mark.parametrize("where", ["lst", 2, -3, 1.5, True])
def test_unknown_layers_are_refused(where):
    with pytest.raises(ValueError, match="`until`"):
        freeze(_model(), where)
    with pytest.raises(ValueError, match="`from_`"):
        unfreeze(_model(), where)


def test_attention_is_frozen_as_one(tmp_path):
    inputs = x = keras.Input((6, 8))
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = keras.layers.LSTM(5, name="recurrent")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    freeze(model, until="recurrent")
    assert [layer.trainable for layer in model.layers[1:]] == [0, 0, 1]
    model.save(tmp_path / "model.keras")
    # Keras thaws what attention makes when it is built: freeze again.
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    freeze(loaded, until="recurrent")
    paths = [variable.path for variable in loaded.trainable_variables]
    assert paths == ["head/kernel", "head/bias"]
    unfreeze(loaded)
    assert len(loaded.trainable_variables) == len(loaded.weights)
