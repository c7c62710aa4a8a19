import numpy as np
import pytest

from keras_transfer.data import feature_rows
from keras_transfer.transferability import inputs


def test_indicators_are_one_column_a_class():
    found = inputs.indicators(np.array([1, 0, 1]), 2)
    assert found.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_rounded_distributions_are_made_exact():
    found = feature_rows.distributions([[0.5001, 0.5001]])
    assert found.sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("rows", [[[1.0, 1.0]], [[1.5, -0.5]], [[0.0, 0.0]]])
def test_logits_are_refused(rows):
    with pytest.raises(ValueError, match="apply softmax to logits first"):
        feature_rows.distributions(rows)


def test_predicted_classes_of_scores_and_of_classes():
    assert inputs.predicted_classes([2, 0]).tolist() == [2, 0]
    assert inputs.predicted_classes([[0.1, 3.0], [1, -1]]).tolist() == [1, 0]


@pytest.mark.parametrize(
    "outputs", [[[0.3], [0.7]], [0.3, 0.7], np.zeros((2, 2, 2))]
)
def test_what_is_no_class_is_refused(outputs):
    with pytest.raises(ValueError, match="`adapted`.*class numbers"):
        inputs.predicted_classes(outputs, "adapted")


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite scores"):
        inputs.predicted_classes([[np.nan, 0.0]])


def test_a_column_of_labels_is_taken():
    assert inputs.true_classes([[1], [0]], 2).tolist() == [1, 0]


@pytest.mark.parametrize("labels", [[[1, 0], [0, 1]], [0.5, 1.0], ["a", "b"]])
def test_labels_that_are_no_class_numbers_are_refused(labels):
    with pytest.raises(ValueError, match="labels.argmax"):
        inputs.true_classes(labels, 2)


@pytest.mark.parametrize("labels, rows", [([0, 1], 3), ([], 0)])
def test_labels_of_another_number_are_refused(labels, rows):
    with pytest.raises(ValueError, match="one label for each row"):
        inputs.true_classes(np.array(labels, int), rows)
