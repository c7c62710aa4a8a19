"""Exports run without this package."""

import os
import stat
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt

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
    inputs = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


@pytest.mark.slow
def test_a_graph_session_gives_the_model_s_outputs(model, tmp_path):
    version = kt.export.save(model, tmp_path / "served")
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 1)).astype("float32")
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


def test_signatures_take_any_batch_size_and_keep_the_names(model, tmp_path):
    version = kt.export.save(model, tmp_path)
    signatures = tf.saved_model.load(str(version)).signatures
    assert set(signatures) == {"predict", "serving_default"}
    for rows in (1, 7):
        outputs = signatures["predict"](image=tf.zeros((rows, 6, 6, 1)))
        assert {k: tuple(v.shape) for k, v in outputs.items()} == {
            "logits": (rows, 3)
        }


def test_versions_count_up_and_nothing_else_is_left(model, tmp_path):
    assert kt.export.save(model, tmp_path).name == "1"
    (tmp_path / "9").mkdir()
    assert kt.export.save(model, tmp_path).name == "10"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "10", "9"]


def test_a_server_under_another_user_can_read_it(model, tmp_path):
    version = kt.export.save(model, tmp_path)
    for path in [version, *version.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o644), path


def test_a_failed_export_leaves_no_version(model, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        kt.export.save(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_several_inputs_and_a_sequential_model(tmp_path):
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


@pytest.mark.parametrize("wrong", [None, keras.layers.Dense(1)])
def test_what_is_no_model_is_refused(wrong, tmp_path):
    with pytest.raises(ValueError, match="built Functional or Sequential"):
        kt.export.save(wrong, tmp_path / "served")
    assert not (tmp_path / "served").exists()
