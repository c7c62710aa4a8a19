"""What may be the support of a new task."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import support_set

FEATURES = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("shape", [(4, 3), (4, 1, 1, 3)])
def test_a_support_is_returned_as_arrays(shape):
    features, labels, num_classes = support_set.check(
        FEATURES.reshape(shape).astype("float16"), [0, 2, 2, 0]
    )
    assert (features.dtype, labels.dtype) == ("float32", "int32")
    np.testing.assert_array_equal(features, FEATURES.reshape(shape))
    assert labels.tolist() == [0, 2, 2, 0]
    assert num_classes == 3
    assert support_set.check(FEATURES, [0] * 4)[0].dtype == "float64"


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 1, -1, 0], r"must be 0, 1, \.\.\..*\[-1, 0, 1\]"),
        ([0, 1, 0], "need labels of shape"),
        (np.zeros((4, 1), "int32"), "need labels|in one axis"),
        ([0.0, 1.0, 1.0, 0.0], "must be integers"),
    ],
)
def test_wrong_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        support_set.check(FEATURES, labels)


def test_an_empty_support_is_refused():
    with pytest.raises(ValueError, match=r"shape \(0,\)"):
        support_set.check(np.zeros((0, 3)), np.zeros(0, "int32"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_must_be_finite(value):
    spoilt = FEATURES.copy()
    spoilt[2, 1] = value
    with pytest.raises(ValueError, match=r"finite.*\[2\]"):
        support_set.check(spoilt, [0, 1, 1, 0])


# === Examples ===


def test_examples_without_padding_are_returned():
    spoilt = FEATURES.copy()
    spoilt[1] = np.nan  # padding may hold anything
    x, y = support_set.examples({"a": spoilt, "b": FEATURES}, [0, -1, 1, 0])
    np.testing.assert_array_equal(x["a"], FEATURES[[0, 2, 3]])
    np.testing.assert_array_equal(x["b"], FEATURES[[0, 2, 3]])
    assert tf.is_tensor(y) and y.numpy().tolist() == [0, 1, 0]


def test_examples_of_a_regression_are_all_there():
    x, y = support_set.examples(FEATURES, -FEATURES[:, :1])
    assert len(x) == len(y) == 4


@pytest.mark.parametrize(
    "y, message",
    [
        ([0, 1, 0], "one label for each example"),
        (0, "one label for each example"),
        ([-1] * 4, "at least one example"),
        ([0.0, 1.0, np.nan, 0.0], "must be finite"),
    ],
)
def test_wrong_examples_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        support_set.examples(FEATURES, y)


def test_examples_must_be_finite():
    spoilt = FEATURES.copy()
    spoilt[2, 1] = np.inf
    with pytest.raises(ValueError, match="must be finite"):
        support_set.examples(spoilt, [0, 1, 1, 0])
    with pytest.raises(ValueError, match="at least one example"):
        support_set.examples(np.zeros((0, 3)), np.zeros((0, 1)))
