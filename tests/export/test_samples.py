"""Rows to try an export with."""

import keras
import ml_dtypes
import numpy as np
import pytest

from keras_transfer.export import probes
from keras_transfer.export import samples
from keras_transfer.export.served_model import ServedModel


def _served(**inputs):
    """A model with inputs of these shapes and dtypes."""
    tensors = {
        name: keras.Input(shape, dtype=dtype, name=name)
        for name, (shape, dtype) in inputs.items()
    }
    outputs = [keras.layers.Identity()(x) for x in tensors.values()]
    return ServedModel(keras.Model(tensors, outputs))


# === Random rows


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((), "float32", (3,)),
        ((5,), "float16", (3, 5)),
        ((None, 2), "float32", (3, 8, 2)),
        ((6, 7, 3), "float32", (3, 6, 7, 3)),
        ((None, None, 1), "uint8", (3, 32, 32, 1)),
        ((4,), "int32", (3, 4)),
        ((2,), "bool", (3, 2)),
        ((), "string", (3,)),
        ((2,), "string", (3, 2)),
        ((0,), "float32", (3, 0)),
    ],
)
def test_random_rows_fit_the_inputs(shape, dtype, expected):
    served = _served(x=(shape, dtype))
    rows = samples.for_model(served)["x"]
    assert rows.shape == expected
    assert rows.dtype == (object if dtype == "string" else dtype)
    again = samples.for_model(served)["x"]
    np.testing.assert_array_equal(rows, again)
    if dtype != "string" and rows.size:
        is_image = len(shape) == 3
        assert rows.min() >= 0 and rows.max() <= (255 if is_image else 1)
        assert (rows.max() > 100) == is_image
    if rows.size > 9:
        other = samples.for_model(served, seed=1)["x"]
        assert not np.array_equal(rows, other)


def test_number_of_rows_and_names():
    served = _served(a=((2,), "float32"), b=((), "string"))
    rows = samples.for_model(served, rows=7)
    assert {k: x.shape for k, x in rows.items()} == {"a": (7, 2), "b": (7,)}


def test_rows_for_the_signature_of_another_tool():
    inputs = {
        "x": probes.TensorInfo("x:0", "float32", (None, None, 2)),
        "text": probes.TensorInfo("t:0", "string", (None,)),
    }
    rows = samples.for_signature(inputs)
    assert rows["x"].shape == (3, 8, 2) and rows["text"].shape == (3,)
    assert all(isinstance(x, bytes) for x in rows["text"])


# === Given rows


def test_given_rows_are_cast_and_cut():
    served = _served(x=((2,), "float32"))
    rows = samples.for_model(served, np.arange(60).reshape(30, 2))["x"]
    assert rows.dtype == "float32"
    np.testing.assert_array_equal(rows, np.arange(32).reshape(16, 2))
    by_list = samples.for_model(served, [[1, 2], [3, 4]])["x"]
    np.testing.assert_array_equal(by_list, [[1, 2], [3, 4]])


def test_given_strings_become_bytes():
    served = _served(x=((2,), "string"))
    rows = samples.for_model(served, {"x": [["ä", "b"], [b"\xff", ""]]})["x"]
    assert rows.tolist() == [["ä".encode(), b"b"], [b"\xff", b""]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0, 2.0], r"at least 2 rows of shape \(2,\) for 'a'"),
        ({"a": np.ones((3, 2))}, r"arrays for \['a', 'b'\].*\['a'\]"),
        (
            {"a": np.ones((3, 2)), "b": np.ones(3), "c": np.ones(3)},
            r"\['a', 'b', 'c'\]",
        ),
        ({"a": np.ones((3, 3)), "b": np.ones(3)}, r"shape \(2,\) for 'a'"),
        ({"a": np.ones((1, 2)), "b": np.ones(1)}, "at least 2 rows"),
        ({"a": np.ones((3, 2)), "b": np.ones(2)}, "as many rows"),
        ({"a": np.ones((3, 2)) * np.nan, "b": np.ones(3)}, "finite numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused(given, message):
    served = _served(a=((2,), "float32"), b=((), "int32"))
    if isinstance(given, list):
        served = _served(a=((2,), "float32"))
    with pytest.raises(ValueError, match=f"`samples`.*{message}"):
        samples.for_model(served, given)


# === Kept rows


def test_rows_are_kept_exactly(tmp_path):
    inputs = {
        "text": np.array([[b"\0a\0", b""], ["ü".encode(), b"b"]], object),
        "number": np.array([1.5, np.nan], "float32"),
    }
    outputs = {
        "half": np.array([[1, 2]], ml_dtypes.bfloat16),
        "flag": np.array([True, False]),
        "long": np.array([2**62]),
    }
    samples.write(tmp_path, "predict", inputs, outputs)
    samples.write(tmp_path, "features", {}, outputs)
    found = samples.read(tmp_path)
    assert list(found) == ["features", "predict"]
    assert found["features"][0] == {}
    for kept, expected in zip(found["predict"], (inputs, outputs), strict=True):
        assert set(kept) == set(expected)
        for key, x in expected.items():
            assert kept[key].dtype == x.dtype
            np.testing.assert_array_equal(kept[key], x)


def test_kept_rows_are_no_program(tmp_path):
    rows = {"text": np.array([b"a"], object)}
    samples.write(tmp_path, "predict", rows, rows)
    (path,) = tmp_path.rglob("*.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert all(arrays[key].dtype == "uint8" for key in arrays)


def test_a_folder_without_rows(tmp_path):
    assert samples.read(tmp_path) == {}
