"""What may be the support of a new task."""

import numpy as np
import pytest

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
