"""Serialized examples become the inputs they were made of."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export import tf_example


def _specs(rows):
    return {
        name: tf.TensorSpec((None, *x.shape[1:]), _dtype(x), name)
        for name, x in rows.items()
    }


def _dtype(array):
    return tf.string if array.dtype == object else tf.as_dtype(array.dtype)


def _parse(rows, examples=None):
    parse = tf.function(tf_example.parser(_specs(rows)))
    examples = tf_example.serialize(rows) if examples is None else examples
    return parse(tf.constant(examples))


@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "bfloat16", "int32", "int64", "uint8"]
)
@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 3, 2)])
def test_numbers_come_back(dtype, shape):
    size = int(np.prod(shape))
    dtype = tf.as_dtype(dtype).as_numpy_dtype
    rows = {"x": np.arange(size).reshape(shape).astype(dtype)}
    found = _parse(rows)["x"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, rows["x"])


def test_several_inputs_come_back_by_name():
    rows = {
        "b": np.array([[True, False], [False, False]]),
        "words": np.array([["ä".encode(), b""], [b"\xff\0", b"y"]], object),
        "text": np.array([b"one", b"two"], object),
    }
    found = _parse(rows)
    assert set(found) == set(rows)
    for name, x in rows.items():
        assert found[name].numpy().tolist() == x.tolist()


def test_an_example_without_a_feature_is_refused():
    rows = {"x": np.ones((2, 3), "float32")}
    others = tf_example.serialize({"y": rows["x"]})
    with pytest.raises(tf.errors.InvalidArgumentError, match="Feature: x"):
        _parse(rows, others)


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones((2, 4), "float32"),
        np.ones((2, 3), "int64"),
        np.array([[b"a"] * 3] * 2, object),
    ],
)
def test_features_of_another_size_or_type_are_refused(wrong):
    examples = tf_example.serialize({"x": wrong})
    with pytest.raises(tf.errors.InvalidArgumentError, match="Key: x"):
        _parse({"x": np.ones((2, 3), "float32")}, examples)


def test_what_is_no_example_is_refused():
    rows = {"x": np.ones((1, 3), "float32")}
    with pytest.raises(tf.errors.InvalidArgumentError, match="parse"):
        _parse(rows, [b"\0 no example"])


def test_rows_of_a_free_size_have_no_feature():
    specs = {"x": tf.TensorSpec((None, None, 2), name="x")}
    with pytest.raises(ValueError, match="'x' has the free shape"):
        tf_example.parser(specs)


def test_images_are_where_data_sets_keep_them():
    files = np.array([b"one", b"two"], object)
    examples = tf_example.serialize({"image/encoded": files})
    found = tf.function(tf_example.parse_image)(tf.constant(examples))
    assert found.numpy().tolist() == files.tolist()
