"""What a graph refuses, and which rows it blanks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export import probes
from keras_transfer.export import row_checks
from tests.export import graphs

SPECS = {
    "a": tf.TensorSpec((None, 2), tf.float32),
    "b": tf.TensorSpec((None, 2, None), tf.int32),
}


def _checked(a, b, specs=SPECS):
    @tf.function(
        input_signature=[tf.TensorSpec(None, s.dtype) for s in specs.values()]
    )
    def checked(a, b):
        # As in a signature, whose tensors have the rank of their specs.
        a = tf.compat.v1.placeholder_with_default(a, [None] * 2)
        b = tf.compat.v1.placeholder_with_default(b, [None] * 3)
        return row_checks.checked({"a": a, "b": b}, specs)

    return checked(tf.constant(a, tf.float32), tf.constant(b, tf.int32))


def test_good_rows_pass_unchanged():
    a, b = np.ones((3, 2)), np.arange(24).reshape(3, 2, 4)
    found = _checked(a, b)
    np.testing.assert_array_equal(found["a"], a)
    np.testing.assert_array_equal(found["b"], b)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((0, 2), (0, 2, 4), "The batch of a is empty"),
        # Broadcasting would answer both.
        ((1, 2), (3, 2, 4), "a and b differ in rows"),
        ((3, 2), (1, 2, 4), "a and b differ in rows"),
        ((3, 3), (3, 2, 4), "shape"),
        ((3, 2), (3, 1, 4), "shape"),
    ],
)
def test_wrong_shapes_are_refused(a, b, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        _checked(np.ones(a), np.ones(b))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_refused_or_masked(dtype, value):
    rows = np.ones((3, 2, 2))
    rows[1, 0, 1] = value
    tensors = {"a": tf.constant(rows, dtype), "n": tf.constant([7, 8, 9])}
    with pytest.raises(tf.errors.InvalidArgumentError, match="input 'a' has"):
        tf.function(row_checks.require_finite)(tensors)
    masked, valid = tf.function(row_checks.mask_rows)(tensors)
    assert valid.numpy().tolist() == [True, False, True]
    assert masked["a"].dtype == dtype
    np.testing.assert_array_equal(
        tf.cast(masked["a"], tf.float32)[:, 0, 0], [1, 0, 1]
    )
    # The whole row, in every input.
    assert masked["n"].numpy().tolist() == [7, 0, 9]


def test_nan_passes_where_it_is_a_missing_value():
    rows = np.array([[1.0, np.nan], [2.0, 3.0], [np.inf, 4.0]])
    tensors = {"a": tf.constant(rows), "b": tf.constant([1.0, np.nan, 3.0])}
    masked, valid = row_checks.mask_rows(tensors, may_be_nan={"a"})
    assert valid.numpy().tolist() == [True, False, False]
    np.testing.assert_array_equal(masked["a"], [[1, np.nan], [0, 0], [0, 0]])
    found = row_checks.require_finite({"a": tensors["a"][:2]}, {"a"})
    np.testing.assert_array_equal(found["a"], rows[:2])
    for names, message in (
        ({"a"}, "input 'a' has an infinite"),
        ((), "input 'a' has a NaN or infinite"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            row_checks.require_finite(tensors, names)


def test_finite_rows_pass_both_ways():
    tensors = {"a": tf.random.normal((2, 3)), "text": tf.constant(["x", "y"])}
    masked, valid = row_checks.mask_rows(tensors)
    assert valid.numpy().all()
    finite = row_checks.require_finite(tensors)
    for name, tensor in tensors.items():
        assert (masked[name] == tensor).numpy().all()
        assert (finite[name] == tensor).numpy().all()


def test_a_row_is_masked_for_any_of_its_inputs():
    tensors = {
        "a": tf.constant([np.nan, 0, 0]),
        "b": tf.constant([[0.0], [0.0], [np.inf]]),
    }
    _, valid = row_checks.mask_rows(tensors)
    assert valid.numpy().tolist() == [False, True, False]


def test_rows_without_numbers_are_finite():
    _, valid = row_checks.mask_rows({"a": tf.zeros((2, 0, 3))})
    assert valid.numpy().tolist() == [True, True]


@pytest.mark.parametrize(
    ("tensor", "blank"),
    [
        (tf.constant([np.nan, 2.0]), 0.0),
        (tf.constant([1.0, 2.0], tf.float16), 0.0),
        (tf.constant([1.0, 2.0], tf.bfloat16), 0.0),
        (tf.constant([1, 2], tf.int64), 0),
        (tf.constant([1, 2], tf.uint8), 0),
        (tf.constant([True, True]), False),
        (tf.constant(["x", "y"]), b""),
        (tf.constant([1 + 1j, 2]), 0),
    ],
)
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_blank_rows_are_of_every_dtype(tensor, blank, rank):
    tensor = tf.reshape(tensor, [2] + [1] * (rank - 1))
    found = row_checks.blank_rows(tensor, tf.constant([False, True]))
    assert found.shape == tensor.shape and found.dtype == tensor.dtype
    assert tf.reshape(found[0], []).numpy() == blank
    assert tf.reshape(found[1], []) == tf.reshape(tensor[1], [])


def _fully_convolutional():
    """Answers images of every size, if the graph lets it."""
    inputs = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Conv2D(2, 3)(inputs)
    return keras.Model(
        inputs, keras.layers.GlobalAveragePooling2D(name="out")(x)
    )


@pytest.mark.skipif(
    not probes.is_available("c_api"), reason="Python checks at the feed"
)
def test_optimized_graphs_still_refuse_what_python_would_not_feed(tmp_path):
    model = _fully_convolutional()
    made = graphs.make(model, "predict")
    graphs.write(tmp_path / "1", model, made)
    good = np.ones((2, 6, 6, 3), "float32")
    bad = {
        "height": np.ones((2, 7, 6, 3), "float32"),
        "width": np.ones((2, 6, 9, 3), "float32"),
        "both": np.ones((2, 16, 16, 3), "float32"),
        "channels": np.ones((2, 6, 6, 1), "float32"),
        "no batch": np.ones((6, 6, 3), "float32"),
        "rank 5": np.ones((1, 2, 6, 6, 3), "float32"),
        "a number": np.float32(1.0),
        "empty": good[:0],
        "float64": good.astype("float64"),
        "uint8": good.astype("uint8"),
        "NaN": good * np.nan,
    }
    requests = [("predict", {"image": x}) for x in [good, *bad.values()]]
    whole, *others = graphs.run(tmp_path / "1", requests, "c_api")
    graphs.assert_same(whole.outputs, made["predict"].reference(requests[0][1]))
    codes = {
        words: answer.code for words, answer in zip(bad, others, strict=True)
    }
    assert codes == dict.fromkeys(bad, "INVALID_ARGUMENT")
