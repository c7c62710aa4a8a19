import numpy as np
import pytest

from keras_transfer import selection


def _probabilities(generator, rows=20, classes=4):
    logits = generator.normal(size=(rows, classes)) * 2
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_information_equals_the_divergence_from_the_marginal(generator):
    """Mutual information is also mean_i KL(p_i || mean_j p_j)."""
    p = _probabilities(generator)
    expected = (p * np.log(p / p.mean(axis=0))).sum(axis=1).mean()
    assert selection.information_maximization(p) == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 5])
def test_information_of_sure_and_balanced_rows_is_the_most(classes):
    p = np.tile(np.eye(classes), (3, 1))
    value = selection.information_maximization(p)
    assert value == pytest.approx(np.log(classes), abs=1e-9)


def test_information_of_equal_rows_is_none(generator):
    p = np.tile(_probabilities(generator, rows=1), (7, 1))
    value = selection.information_maximization(p)
    assert value == pytest.approx(0.0, abs=1e-12)


def test_information_is_blind_to_the_order_of_rows_and_classes(generator):
    p = _probabilities(generator)
    value = selection.information_maximization(p)
    assert selection.information_maximization(p[::-1]) == pytest.approx(value)
    mixed = p[:, [2, 0, 3, 1]]
    assert selection.information_maximization(mixed) == pytest.approx(value)


def test_risk_is_the_cross_entropy_of_the_source(generator):
    target, source = _probabilities(generator), _probabilities(generator, 9)
    labels = generator.integers(4, size=9)
    risk = np.mean([-np.log(source[i, labels[i]]) for i in range(9)])
    expected = selection.information_maximization(target) - risk
    value = selection.information_minus_risk(target, source, labels)
    assert value == pytest.approx(expected)


def test_a_sure_mistake_is_finite():
    p = np.eye(2)
    value = selection.information_minus_risk(p, p, [1, 0])
    assert np.isfinite(value)
    assert value < selection.information_minus_risk(p, p, [0, 1])


@pytest.mark.parametrize("logits", [np.ones((3, 2)), np.zeros((2, 2))])
def test_logits_are_refused(logits):
    with pytest.raises(ValueError, match="apply softmax to logits first"):
        selection.information_maximization(logits)
    with pytest.raises(ValueError, match="apply softmax to logits first"):
        selection.information_minus_risk(np.eye(2), logits, [0] * len(logits))


@pytest.mark.parametrize("wrong", [np.ones(4), np.full((2, 2), np.nan)])
def test_what_is_no_table_of_finite_numbers_is_refused(wrong):
    with pytest.raises(ValueError, match="finite probabilities of shape"):
        selection.information_maximization(wrong)


def test_labels_that_are_no_class_are_refused():
    with pytest.raises(ValueError, match="Received labels from -1 to 1"):
        selection.information_minus_risk(np.eye(2), np.eye(2), [-1, 1])
