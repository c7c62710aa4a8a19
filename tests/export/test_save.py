"""Exports run without this package."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import batching
from keras_transfer.export import model_card
from keras_transfer.export import probes
from keras_transfer.export import publication
from keras_transfer.export import samples
from keras_transfer.export import verification
from tests.export import exported
from tests.export.exported import status_of

#: Loads an export as TF Serving does, in a process with TensorFlow alone.
LOADER = """
import sys
import numpy as np
import tensorflow as tf
path, inputs, outputs = sys.argv[1:]
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    graph = tf.compat.v1.saved_model.load(session, ["serve"], path)
    signature = graph.signature_def["predict"]
    (result,) = session.run(
        [info.name for info in signature.outputs.values()],
        {signature.inputs["image"].name: np.load(inputs)},
    )
np.save(outputs, result)
assert "keras_transfer" not in sys.modules
"""


@pytest.fixture
def model():
    return exported.image_model()


@pytest.fixture
def untried(monkeypatch):
    """Without the processes, to look at what is written only."""
    monkeypatch.setattr(verification, "try_out", exported.nothing_tried)


@pytest.mark.slow
def test_a_graph_session_gives_the_model_s_outputs(model, tmp_path):
    version = kt.export.save(model, tmp_path / "served")
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    subprocess.run(
        [
            sys.executable,
            "-c",
            LOADER,
            str(version),
            str(tmp_path / "x.npy"),
            str(tmp_path / "y.npy"),
        ],
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), model.predict(x, verbose=0), atol=1e-6
    )


def test_signatures_take_any_batch_size_and_keep_the_names(
    untried, model, tmp_path
):
    version = kt.export.save(model, tmp_path)
    signatures = tf.saved_model.load(str(version)).signatures
    assert set(signatures) == {"predict", "serving_default"}
    for rows in (1, 7):
        outputs = signatures["predict"](image=tf.zeros((rows, 6, 6, 3)))
        assert {k: tuple(v.shape) for k, v in outputs.items()} == {
            "logits": (rows, 3)
        }


@pytest.mark.slow
def test_what_was_verified(flowers):
    assert flowers.passed
    assert flowers.path.name == "1"
    assert os.path.isdir(flowers)
    assert set(flowers.differences) == {
        "predict",
        "image_bytes",
        "features",
        "classify",
    }
    assert flowers.largest_difference < 1e-5
    for name in flowers.differences:
        for words in verification.LOADERS.values():
            assert status_of(flowers, f"{name}, {words}") == "pass"
        assert status_of(flowers, f"{name}, rows stand alone") == "pass"
        assert status_of(flowers, f"{name}, bad requests") == "pass"
    # Its folder is all that is there.
    assert os.listdir(flowers.path.parent) == ["1"]


@pytest.mark.slow
def test_what_stands_beside_the_model(flowers):
    names = (flowers.path / "assets" / "class_names.txt").read_text("utf-8")
    assert names.splitlines() == exported.CLASS_NAMES
    card = model_card.read(flowers)
    assert card["metrics"] == {"accuracy": 0.5}
    assert card["class_names"] == exported.CLASS_NAMES
    assert card["activation"] == "softmax"
    assert card["precision"] == "float32"
    assert card["on_invalid"] == "error"
    assert card["images"]["size"] == [6, 6]
    assert set(card["signatures"]) == set(flowers.differences)
    assert card["verification"]["largest_difference"] < 1e-5
    assert set(samples.read(flowers)) == set(flowers.differences)
    assert batching.faults(flowers) is None  # one bad row would fail others


def test_versions_count_up_and_nothing_else_is_left(untried, model, tmp_path):
    assert kt.export.save(model, tmp_path).path.name == "1"
    (tmp_path / "9").mkdir()
    assert kt.export.save(model, tmp_path).path.name == "10"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "10", "9"]


def test_a_failed_export_leaves_no_version(model, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        kt.export.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_several_inputs_and_a_sequential_model(untried, tmp_path):
    left, right = (
        keras.Input((2,), name="left"),
        keras.Input((3,), name="right"),
    )
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model(
        {"left": left, "right": right},
        keras.layers.Dense(1, name="out")(joined),
    )
    version = kt.export.save(model, tmp_path / "two")
    predict = tf.saved_model.load(str(version)).signatures["predict"]
    x = {
        "left": np.ones((4, 2), "float32"),
        "right": np.ones((4, 3), "float32"),
    }
    result = predict(**{name: tf.constant(value) for name, value in x.items()})
    np.testing.assert_allclose(
        result["out"], model.predict(x, verbose=0), atol=1e-6
    )
    sequential = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    version = kt.export.save(sequential, tmp_path / "sequential")
    predict = tf.saved_model.load(str(version)).signatures["predict"]
    assert list(predict.structured_input_signature[1]) == ["inputs"]


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ({}, None),
        ({"on_invalid": "mask"}, 32),
        ({"on_invalid": "mask", "batching": 6}, 6),
    ],
)
def test_the_batching_file(untried, model, tmp_path, arguments, rows):
    version = kt.export.save(model, tmp_path, **arguments).path
    path = version / batching.FILE
    assert path.exists() == (rows is not None)
    if rows is not None:
        assert f"max_batch_size {{ value: {rows} }}" in path.read_text()
        assert batching.faults(version) == []


def test_another_signature_may_be_the_default(untried, model, tmp_path):
    version = kt.export.save(
        model,
        tmp_path,
        signatures=("predict", "features"),
        default_signature="features",
    )
    known = probes.signatures(version)
    assert set(known) == {"predict", "features", "serving_default"}
    assert set(known["serving_default"].outputs) == {"features"}


@pytest.mark.parametrize(
    ("arguments", "tolerance", "same_class"),
    [
        ({}, 1e-5, True),
        ({"tolerance": 0.5}, 0.5, True),
        ({"precision": "bfloat16"}, 0.1, False),
        ({"precision": "bfloat16", "tolerance": 0.2}, 0.2, False),
    ],
)
def test_what_is_asked_of_the_answers(
    monkeypatch, tmp_path, arguments, tolerance, same_class
):
    asked = {}

    def publish(*args, **settings):
        asked.update(settings)

    monkeypatch.setattr(publication, "publish", publish)
    kt.export.save(exported.number_model(), tmp_path, **arguments)
    assert asked["tolerance"] == tolerance
    assert asked["same_class"] == same_class


@pytest.mark.parametrize("wrong", [None, keras.layers.Dense(1)])
def test_what_is_no_model_is_refused(wrong, tmp_path):
    with pytest.raises(ValueError, match="built Functional or Sequential"):
        kt.export.save(wrong, tmp_path / "served")
    assert not (tmp_path / "served").exists()


def test_a_trainer_is_refused_with_advice(model, tmp_path):
    trainer = kt.adaptation.DomainAdaptation(model, alignment="deep_coral")
    with pytest.raises(ValueError, match=r"export trainer\.model"):
        kt.export.save(trainer, tmp_path / "served")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"signatures": ()}, "`signatures`"),
        ({"signatures": "predicts"}, "`default_signature`"),
        (
            {"signatures": ("predict", "predicts")},
            "Did you mean 'predict'",
        ),
        ({"default_signature": "features"}, "`default_signature`"),
        ({"on_invalid": "ignore"}, "`on_invalid`"),
        ({"batching": 8}, "pass on_invalid='mask'"),
        ({"on_invalid": "mask", "batching": 0}, "`batching`"),
        ({"on_invalid": "mask", "batching": "8"}, "`batching`"),
        ({"precision": "float8"}, "`precision`"),
        ({"class_names": ["a", "b"]}, "`class_names`"),
        ({"card": "by me"}, "`card`"),
        ({"card": {"metrics": object()}}, "`card`"),
        ({"samples": np.zeros((2, 5, 5, 3))}, "`samples`"),
    ],
)
def test_arguments_are_checked_before_anything_is_written(
    model, tmp_path, arguments, words
):
    with pytest.raises(ValueError, match=words):
        kt.export.save(model, tmp_path / "served", **arguments)
    assert not (tmp_path / "served").exists()


def test_a_version_is_no_base_folder(model, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="give the folder above"):
        kt.export.save(model, tmp_path)
