"""What is found in a SavedModel, and the errors for what is none."""

import shutil
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_transfer.zoo import saved_model


def test_lists_of_the_saved_model_decide(saved):
    loaded = saved_model.load(saved("keras_2_encoder"))
    assert [v.name for v in loaded.variables if v.trainable] == [
        "conv2d/kernel",
        "conv2d/bias",
        "batch_normalization/gamma",
        "batch_normalization/beta",
    ]
    assert len(loaded.variables) == 6
    assert len(loaded.regularization_losses) == 1
    assert loaded.takes_training


def test_without_lists_what_the_functions_read_is_taken(saved):
    loaded = saved_model.load(saved("text_encoder"))
    assert not hasattr(loaded.root, "variables")
    ((name, value, trainable),) = loaded.variables
    assert (name, trainable) == ("embeddings", True)
    assert value is loaded.root.vectors
    assert not loaded.takes_training and not loaded.regularization_losses


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("image_encoder", (8, 8)),
        ("dict_encoder", None),
        ("text_encoder", None),
        ("audio_encoder", None),
    ],
)
def test_images_are_told_by_their_shape(saved, name, size):
    assert saved_model.load(saved(name)).image_size() == size


@pytest.mark.parametrize(
    ("name", "expected"), [("text_encoder", True), ("image_encoder", False)]
)
def test_strings_and_tables_need_the_host(saved, name, expected):
    assert saved_model.load(saved(name)).needs_host() is expected


def test_the_tf1_hub_format_is_refused(tmp_path):
    (tmp_path / "tfhub_module.pb").touch()
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="TF1 Hub format"):
        saved_model.load(tmp_path)


def test_what_is_no_saved_model_is_described(tmp_path):
    (tmp_path / "weights.h5").touch()
    with pytest.raises(ValueError, match="weights.h5"):
        saved_model.load(tmp_path)
    with pytest.raises(ValueError, match="nothing"):
        saved_model.load(tmp_path / "none")


def test_a_tf1_saved_model_has_signatures_only(tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None, 2], name="x")
        scale = tf.compat.v1.get_variable("scale", initializer=3.0)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(
            session, str(tmp_path / "tf1"), {"x": x}, {"y": x * scale}
        )
    with pytest.raises(ValueError, match="signature=.*serving_default"):
        saved_model.load(tmp_path / "tf1")
    loaded = saved_model.load(tmp_path / "tf1", signature="serving_default")
    outputs = loaded.function(np.ones((1, 2), "float32"))
    np.testing.assert_array_equal(outputs["y"], [[3.0, 3.0]])


def test_an_unknown_signature_is_named(saved):
    with pytest.raises(ValueError, match="'serving_default'"):
        saved_model.load(saved("served_only"), signature="serve")


def test_nothing_to_call_at_all(tmp_path):
    tf.saved_model.save(tf.train.Checkpoint(v=tf.Variable(1.0)), str(tmp_path))
    with pytest.raises(ValueError, match="neither be called nor"):
        saved_model.load(tmp_path)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        # Of versions to come: an installed package brings today's.
        ("SentencepieceOpV99", "tensorflow_text"),
        ("CaseFoldUTF8V99", "tensorflow_text"),
        ("SimpleMLInferenceOpV99", "tensorflow_decision_forests"),
        ("MyOwnOp", "Import the package that brings it"),
    ],
)
def test_a_missing_operation_names_its_package(
    saved, tmp_path, operation, words
):
    path = _with_operation(saved("text_encoder"), tmp_path, operation)
    with pytest.raises(ImportError, match=words) as caught:
        saved_model.load(path)
    assert repr(operation) in str(caught.value)


def _with_operation(path, folder, operation):
    """A copy in which an operation bears a name that TensorFlow lacks."""
    copy = folder / "copy"
    shutil.copytree(path, copy)
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((copy / "saved_model.pb").read_bytes())
    replaced = 0
    for function in model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "StringLower":
                node.op = operation
                replaced += 1
    assert replaced
    (copy / "saved_model.pb").write_bytes(model.SerializeToString())
    return copy


def test_packages_with_operations_are_imported_first(saved, monkeypatch):
    path = saved("image_encoder")
    with pytest.raises(ImportError, match="pip install no-such-ops"):
        saved_model.load(path, needed_ops=["no_such_ops"])
    monkeypatch.setitem(sys.modules, "some_ops", types.ModuleType("some_ops"))
    saved_model.load(path, needed_ops=["some_ops"])


def test_equal_names_get_numbers(tmp_path):
    root = tf.train.Checkpoint()
    root.variables = [tf.Variable(float(n), name="kernel") for n in range(3)]
    root.__call__ = tf.function(lambda x: x + sum(root.variables))
    root.__call__.get_concrete_function(tf.TensorSpec([None]))
    tf.saved_model.save(root, str(tmp_path))
    names = [v.name for v in saved_model.load(tmp_path).variables]
    assert names == ["kernel", "kernel_1", "kernel_2"]


def test_only_numbers_of_a_kind_are_cast(saved):
    loaded = saved_model.load(saved("image_encoder"))
    image = np.zeros((1, 8, 8, 3))
    assert loaded.cast(tf.constant(image)).dtype == tf.float32
    assert loaded.cast(tf.constant(image.astype("uint8"))).dtype == tf.uint8
    two = [tf.constant(image)] * 2
    assert loaded.cast(two) is two  # left to the call to refuse
