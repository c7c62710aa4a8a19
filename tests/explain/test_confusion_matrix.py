"""Which class is taken for which."""

import numpy as np
import pytest

from keras_transfer import explain


def _naive(labels, predicted, num_classes):
    matrix = [[0] * num_classes for _ in range(num_classes)]
    for label, prediction in zip(labels, predicted, strict=True):
        matrix[label][prediction] += 1
    return matrix


def test_rows_are_true_and_columns_predicted(generator):
    labels = generator.integers(0, 4, 50)
    scores = generator.normal(size=(50, 4))
    expected = _naive(labels, scores.argmax(axis=1), 4)
    for given in (scores, scores.argmax(axis=1)):
        found = explain.confusion_matrix(labels, given)
        assert found.tolist() == expected
    assert found.dtype == "int64"


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_one_column_is_of_the_second_class(shape):
    probabilities = np.reshape([0.1, 0.6, 0.5, 0.9], shape)
    found = explain.confusion_matrix([0, 0, 1, 1], probabilities)
    assert found.tolist() == [[1, 1], [1, 1]]


def test_classes_that_do_not_occur_have_their_row():
    found = explain.confusion_matrix([0, 2], np.array([0, 0]), num_classes=4)
    assert found.tolist() == _naive([0, 2], [0, 0], 4)
    # By the columns, also where only the first class occurs.
    assert explain.confusion_matrix([0], [[0.9, 0.0, 0.1]]).shape == (3, 3)
    assert explain.confusion_matrix([0], [0.2]).shape == (2, 2)


@pytest.mark.parametrize(
    ("labels", "predicted", "num_classes", "message"),
    [
        ([0, 1], [0], None, "one label for each row"),
        ([3], [0], 3, "integers from 0 to 2"),
        ([0], [3], 3, "4 or more"),
        ([0.5], [0], None, "class numbers"),
        ([0], [[np.nan, 1.0]], None, "NaN or infinite"),
    ],
    ids=["length", "label", "prediction", "float_label", "nan"],
)
def test_what_does_not_fit_is_refused(labels, predicted, num_classes, message):
    with pytest.raises(ValueError, match=message):
        explain.confusion_matrix(labels, np.array(predicted), num_classes)
