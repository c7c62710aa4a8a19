"""How far confidence and accuracy lie apart."""

import numpy as np
import pytest

from keras_transfer import explain
from keras_transfer.explain.expected_calibration_error import calibration_bins


def _naive(labels, rows, num_bins):
    """Equations 1 to 3 of Guo et al. (2017), bin by bin."""
    total = 0.0
    for number in range(1, num_bins + 1):
        low, high = (number - 1) / num_bins, number / num_bins
        inside = [i for i, r in enumerate(rows) if low < max(r) <= high]
        if inside:
            right = [float(np.argmax(rows[i]) == labels[i]) for i in inside]
            sure = [max(rows[i]) for i in inside]
            gap = sum(right) / len(inside) - sum(sure) / len(inside)
            total += len(inside) / len(rows) * abs(gap)
    return total


def _random(generator, rows=200, num_classes=4):
    scores = np.exp(2 * generator.normal(size=(rows, num_classes)))
    labels = generator.integers(0, num_classes, rows)
    return labels, scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("num_bins", [1, 7, 10])
def test_it_is_what_the_paper_says(generator, num_bins):
    labels, rows = _random(generator)
    found = explain.expected_calibration_error(labels, rows, num_bins)
    assert found == pytest.approx(_naive(labels, rows, num_bins), abs=1e-12)
    assert isinstance(found, float) and 0 < found < 1


def test_a_calibrated_model_has_none():
    rows = np.repeat([[0.75, 0.25], [0.5, 0.5]], 4, axis=0)
    labels = [0, 0, 0, 1, 0, 0, 1, 1]
    assert explain.expected_calibration_error(labels, rows) == 0


def test_the_worst_is_sure_and_wrong():
    rows = np.eye(3)
    assert explain.expected_calibration_error([1, 2, 0], rows) == 1
    assert explain.expected_calibration_error([0, 1, 2], rows) == 0


def test_order_and_names_of_classes_do_not_count(generator):
    labels, rows = _random(generator)
    expected = explain.expected_calibration_error(labels, rows)
    order = generator.permutation(len(labels))
    classes = generator.permutation(4)
    found = explain.expected_calibration_error(
        np.argsort(classes)[labels][order], rows[:, classes][order]
    )
    assert found == pytest.approx(expected, abs=1e-12)


def test_an_edge_belongs_to_the_bin_below():
    bins = calibration_bins([0, 0], [[0.5, 0.5], [0.75, 0.25]], 4)
    assert bins.counts.tolist() == [0, 1, 1, 0]
    np.testing.assert_array_equal(bins.edges, [0, 0.25, 0.5, 0.75, 1])
    assert np.isnan(bins.accuracy[0]) and bins.confidence[1] == 0.5


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_column_is_of_the_second_class(shape):
    column = np.array([0.9, 0.2, 0.6])
    labels = [1, 0, 0]
    expected = explain.expected_calibration_error(
        labels, np.stack([1 - column, column], axis=1)
    )
    found = explain.expected_calibration_error(labels, column.reshape(shape))
    assert found == expected


@pytest.mark.parametrize("num_bins", [0, 2.5, "10"])
def test_a_wrong_number_of_bins_is_refused(num_bins):
    with pytest.raises(ValueError, match="a positive integer"):
        explain.expected_calibration_error([0], [[1.0, 0.0]], num_bins)


def test_logits_are_refused():
    with pytest.raises(ValueError, match="apply softmax to logits first"):
        explain.expected_calibration_error([0], [[3.0, -1.0]])
