"""A SavedModel with a signature for each thing that probes must handle."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export import probes

DTYPES = (
    "bfloat16",
    "bool",
    "complex64",
    "complex128",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "string",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
)


def _echo(**tensors):
    return {f"{key}_back": tf.identity(x) for key, x in tensors.items()}


def _strict(x):
    return {"mean": tf.reduce_mean(tf.ensure_shape(x, (None, 4)), 1)}


def _lax(x):
    return {"mean": tf.reduce_mean(x, 1)}


def _large(text, numbers):
    return {"text": tf.reverse(text, [0]), "numbers": numbers + 1.0}


@tf.function(jit_compile=True)
def _compiled(x):
    return tf.sin(x) + 1.0


def _with_xla(x):
    return {"y": _compiled(x)}


def _endless(x):
    (y,) = tf.while_loop(lambda y: y > -1.0, lambda y: (y + 1.0,), [x[0, 0]])
    return {"y": y}


def _deadly(x):
    with tf.control_dependencies([tf.raw_ops.Abort(error_msg="no way")]):
        return {"y": tf.identity(x)}


def _scalar():
    return {"text": tf.constant(b"end\0"), "number": tf.constant(2.5)}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Path of the SavedModel."""
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["cat", "dog"], [3, 7]), -1
    )

    def looked_up(word):
        return {"number": module.table.lookup(word)}

    row = tf.TensorSpec((None, 4), name="x")
    word = tf.TensorSpec((None,), tf.string, name="word")
    text = tf.TensorSpec((None,), tf.string, name="text")
    numbers = tf.TensorSpec((None,), tf.float64, name="numbers")
    echo = {name: tf.TensorSpec((None, 2), name, name=name) for name in DTYPES}
    functions = {
        "echo": tf.function(_echo).get_concrete_function(**echo),
        "large": tf.function(_large).get_concrete_function(text, numbers),
        "lookup": tf.function(looked_up).get_concrete_function(word),
        "scalar": tf.function(_scalar).get_concrete_function(),
    }
    for function in (_strict, _lax, _with_xla, _endless, _deadly):
        name = function.__name__.lstrip("_")
        functions[name] = tf.function(function).get_concrete_function(row)
    path = tmp_path_factory.mktemp("probed") / "1"
    tf.saved_model.save(module, str(path), signatures=functions)
    return path


@pytest.fixture
def call(folder):
    """A function that makes the `Call` of a signature."""
    found = probes.signatures(folder)

    def make(name, given, repeat=1):
        signature = found[name]
        return probes.Call(signature.inputs, signature.outputs, given, repeat)

    return make


@pytest.fixture
def given():
    """An input of the signature `echo`, in every dtype."""
    numbers = np.array([[0, 1], [1, 1]])
    arrays = {
        name: numbers.astype(tf.as_dtype(name).as_numpy_dtype)
        for name in DTYPES
        if name != "string"
    }
    arrays["float32"] = np.array([[-0.0, 1e-40], [np.inf, 0.1]], "float32")
    arrays["int64"] = np.array([[-(2**63), 2**63 - 1], [0, 1]])
    strings = [[b"", "d\N{LATIN SMALL LETTER U WITH DIAERESIS}nn"]]
    # 22 bytes fit into a TF_TString itself, 23 do not; zeros at the end.
    strings += [[b"x" * 22 + b"\0", b"\xff\xd8\0" * 100_000]]
    arrays["string"] = strings
    return arrays
