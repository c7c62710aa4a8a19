import numpy as np
import pytest

from keras_transfer.transferability.leep import leep
from keras_transfer.transferability.nce import nce
from tests.transferability.problems import softmax


def _reference(theta, labels, classes):
    """The two equations of the paper, in loops."""
    rows, sources = theta.shape
    joint = np.zeros((classes, sources))
    for i in range(rows):
        joint[labels[i]] += theta[i] / rows
    conditional = joint / joint.sum(axis=0)
    total = 0.0
    for i in range(rows):
        total += np.log(sum(conditional[labels[i]] * theta[i]))
    return total / rows


def _problem(generator, rows=40, sources=5, classes=3):
    theta = softmax(generator.normal(size=(rows, sources)) * 2)
    return theta, generator.permutation(np.arange(rows) % classes)


def test_it_is_the_formula_of_the_paper(generator):
    theta, labels = _problem(generator)
    expected = _reference(theta, labels, 3)
    assert leep(theta, labels) == pytest.approx(expected, abs=1e-12)


def test_float32_probabilities_are_enough(generator):
    theta, labels = _problem(generator)
    expected = _reference(theta, labels, 3)
    value = leep(theta.astype("float32"), labels)
    assert value == pytest.approx(expected, abs=1e-6)


def test_empty_source_classes_change_nothing(generator):
    theta, labels = _problem(generator)
    wider = np.concatenate([theta, np.zeros((40, 2))], axis=1)
    assert leep(wider, labels) == pytest.approx(leep(theta, labels))


def test_the_names_and_order_of_classes_do_not_matter(generator):
    theta, labels = _problem(generator)
    value = leep(theta, labels)
    assert leep(theta[:, [3, 1, 4, 0, 2]], labels) == pytest.approx(value)
    assert leep(theta, np.array(["c", "a", "b"])[labels]) == pytest.approx(
        value
    )
    order = generator.permutation(40)
    assert leep(theta[order], labels[order]) == pytest.approx(value)


def test_sure_source_classes_make_it_nce(generator):
    theta, labels = _problem(generator)
    sure = np.eye(5)[theta.argmax(axis=1)]
    assert leep(sure, labels) == pytest.approx(nce(theta, labels))


def test_it_is_never_below_nce_and_the_log_of_the_winner(generator):
    """The bound of the paper, property 1."""
    theta, labels = _problem(generator)
    winners = np.log(theta.max(axis=1)).mean()
    assert leep(theta, labels) >= nce(theta, labels) + winners


def test_informative_probabilities_score_higher(generator):
    _, labels = _problem(generator)
    noise = generator.normal(size=(40, 3))
    scores = [
        leep(softmax(strength * np.eye(3)[labels] + noise), labels)
        for strength in (0.0, 1.0, 2.0, 4.0)
    ]
    assert scores == sorted(scores)
    assert leep(np.eye(3)[labels], labels) == pytest.approx(0.0, abs=1e-12)


def test_equal_probabilities_leave_the_entropy_of_the_labels():
    labels = [0, 0, 0, 1]
    value = leep(np.full((4, 3), 1 / 3), labels)
    expected = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    assert value == pytest.approx(expected)


def test_logits_and_missing_labels_are_refused():
    with pytest.raises(ValueError, match="`source_probabilities`.*softmax"):
        leep([[2.0, 1.0], [1.0, 3.0]], [0, 1])
    with pytest.raises(ValueError, match="one label for each row"):
        leep(np.eye(2), [0, 1, 1])
