"""What is cast, what is refused."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export.client import tensor_forms
from keras_transfer.export.client.tensor_forms import Signature
from keras_transfer.export.client.tensor_forms import TensorSpec


def _sent(value, dtype, shape=None):
    return tensor_forms.as_input(value, "x", TensorSpec(dtype, shape))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.float64([1.5, np.nan, np.inf]), "float32"),
        (np.float32([1.5]), "float64"),
        (np.float32([1.5]), "bfloat16"),
        (np.float16([1.5]), "float32"),
        ([1.5], "float16"),
        (np.int64([-5, 5]), "int32"),
        (np.int32([0, 255]), "uint8"),
        (np.uint64([5]), "int64"),
        ([True], "bool"),
        (tf.constant([1.5]), "float32"),
        (tf.constant([1.5], tf.bfloat16), "float32"),
        (7, "int64"),
    ],
)
def test_numbers_are_cast_within_their_kind(value, dtype):
    array = _sent(value, dtype)
    assert array.dtype == tf.dtypes.as_dtype(dtype).as_numpy_dtype
    assert array.shape == np.shape(value)
    np.testing.assert_array_equal(
        array.astype("float64"), np.asarray(value, "float64")
    )


def test_what_fits_is_not_copied():
    x = np.ones(3, "float32")
    assert _sent(x, "float32") is x


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (np.int64([1]), "float32", "an array of float32.*numpy.asarray"),
        (np.uint8([1]), "float32", "an array of float32"),
        ([1.5], "int32", "an array of int32.*of float64"),
        ([True], "int32", "an array of int32"),
        ([1], "bool", "an array of bool"),
        (["1"], "int64", "an array of int64"),
        ([None], "float32", "an array of float32"),
        ([[1.0], [2.0, 3.0]], "float32", "an array of float32.*NumPy says"),
        ([2**31], "int32", "range of int32"),
        ([-(2**31) - 1], "int32", "range of int32"),
        (np.int32([-1]), "uint8", "range of uint8.*from -1 to -1"),
        (np.uint64([2**63]), "int64", "range of int64"),
        ([1e39], "float32", "range of float32"),
        ([70000.0], "float16", "range of float16"),
        ([1], "string", "str or bytes"),
        ([None], "string", "str or bytes.*NoneType"),
        (["a", ["b"]], "string", "str or bytes|NumPy says"),
    ],
)
def test_everything_else_is_refused(value, dtype, message):
    with pytest.raises(ValueError, match=f"argument `x`.*{message}"):
        _sent(value, dtype)


@pytest.mark.parametrize("value", [["é", b"\0"], [["é"], [b"\0"]], "é", b"\0"])
def test_strings_become_bytes(value):
    array = _sent(value, "string")
    assert array.dtype == object and array.shape == np.shape(value)
    assert {*array.flat} <= {"é".encode(), b"\0"}


@pytest.mark.parametrize(
    "value",
    [
        np.array(["a", "b"]),
        np.array([b"a", b"b"]),
        np.array(["a", b"b"], dtype=object),
        tf.constant(["a", "b"]),
    ],
)
def test_arrays_of_strings(value):
    assert _sent(value, "string").tolist() == [b"a", b"b"]


@pytest.mark.parametrize(
    ("shape", "wanted", "is_right"),
    [
        ((2, 3), (None, 3), True),
        ((2, 3), None, True),
        ((2, 3), (2, 3), True),
        ((2, 3), (1, 3), False),
        ((2, 3), (None, 4), False),
        ((2, 3), (None, 3, 1), False),
        ((), (), True),
        ((1,), (), False),
    ],
)
def test_shapes(shape, wanted, is_right):
    value = np.zeros(shape, "float32")
    if is_right:
        assert _sent(value, "float32", wanted).shape == shape
    else:
        with pytest.raises(ValueError, match="`x`. Expected the shape") as e:
            _sent(value, "float32", wanted)
        assert "send x[None]" not in str(e.value)


def test_a_missing_batch_axis_is_told():
    with pytest.raises(ValueError, match=r"send x\[None\] or a list"):
        _sent(np.zeros((6, 6), "float32"), "float32", (None, 6, 6))
    with pytest.raises(ValueError, match=r"send x\[None\] or a list"):
        _sent(b"png", "string", (None,))


SIGNATURE = Signature(
    {"a": TensorSpec("float32", None), "b": TensorSpec("string", None)}, {}, ""
)


def test_inputs_by_name():
    inputs = tensor_forms.as_inputs({"b": "x", "a": 1.0}, SIGNATURE)
    assert list(inputs) == ["a", "b"]
    one = SIGNATURE._replace(inputs={"a": SIGNATURE.inputs["a"]})
    for given in (1.0, {"a": 1.0}):
        assert tensor_forms.as_inputs(given, one)["a"] == 1.0


@pytest.mark.parametrize(
    "inputs", [1.0, {}, {"a": 1.0}, {"a": 1.0, "b": "x", "c": 1.0}]
)
def test_inputs_of_other_names(inputs):
    with pytest.raises(ValueError, match="`inputs`.*'a', 'b'"):
        tensor_forms.as_inputs(inputs, SIGNATURE)


def test_outputs_of_strings():
    array = np.array([["é".encode()], [b"\xff"]], dtype=object)
    text = tensor_forms.as_output(array, "names")
    assert text.tolist() == [["é"], ["\udcff"]]
    assert tensor_forms.as_output(array, "raw_bytes") is array
    empty = tensor_forms.as_output(array[:0], "names")
    assert empty.shape == (0, 1) and empty.dtype == object
    numbers = np.ones(3)
    assert tensor_forms.as_output(numbers, "names") is numbers


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        ("DT_FLOAT", "float32"),
        ("DT_DOUBLE", "float64"),
        ("DT_HALF", "float16"),
        ("DT_BFLOAT16", "bfloat16"),
        ("DT_STRING", "string"),
        ("DT_INT64", "int64"),
        ("DT_BOOL", "bool"),
        ("DT_UINT8", "uint8"),
    ],
)
def test_names_of_dtypes(proto, expected):
    assert tensor_forms.dtype_name(proto) == expected


def test_shapes_of_messages():
    assert tensor_forms.shape_of(["-1", "3"], False) == (None, 3)
    assert tensor_forms.shape_of([], False) == ()
    assert tensor_forms.shape_of([], True) is None
