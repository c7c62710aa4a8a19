import numpy as np
import pytest

from keras_transfer.data.feature_rows import class_numbers
from keras_transfer.data.feature_rows import feature_rows


def test_features_become_float64(generator):
    rows = generator.normal(size=(4, 3)).astype("float16")
    found = feature_rows(rows)
    assert found.dtype == "float64"
    np.testing.assert_array_equal(found, rows)


@pytest.mark.parametrize("shape", [(4,), (1, 3), (4, 0), (2, 3, 4)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="`features`.*shape .rows, width."):
        feature_rows(np.zeros(shape))


def test_features_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="an array of real numbers"):
        feature_rows(np.array([["a"], ["b"]]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_bad_row_is_named(bad):
    rows = np.zeros((5, 2))
    rows[3, 1] = bad
    with pytest.raises(ValueError, match="`mine` has a NaN .* in row 3"):
        feature_rows(rows, "mine")


def test_classes_are_numbered_without_gaps():
    numbers, counts = class_numbers(["b", "z", "b"], 3)
    assert numbers.tolist() == [0, 1, 0]
    assert counts.tolist() == [2, 1]
    numbers, _ = class_numbers([7, -1, 7], 3)
    assert numbers.tolist() == [1, 0, 1]


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="2 classes or more.*With one class"):
        class_numbers([3, 3], 2)


def test_another_number_of_labels_is_refused():
    with pytest.raises(ValueError, match="`labels` has 2 rows .* have 3"):
        class_numbers([0, 1], 3)
