import keras
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from keras_transfer.weighting import boosting


class _Scripted:
    """A learner that says what it was told to, and notes its weights."""

    def __init__(self, said, seen):
        self.said, self.seen = said, seen

    def fit(self, rows, labels, sample_weight):
        self.seen.append(sample_weight)

    def predict(self, rows):
        return self.said


def _wrong(found, labels):
    return (found != labels).astype(float)


def _run(said, labels, num_source, rounds, classes=2):
    seen, script = [], iter(said)
    learners = boosting.Learners(
        lambda: _Scripted(np.array(next(script)), seen), None
    )
    weights = boosting.first_weights(num_source, len(labels) - num_source, None)
    rows = np.zeros((len(labels), 1))
    found, left = boosting.boosted(
        learners, rows, np.array(labels), weights, rounds, _wrong, classes
    )
    return found, left, seen


def test_rounds_are_those_of_the_paper():
    """Three source and four target rows, two rounds, by hand."""
    labels = [0, 1, 1, 0, 0, 1, 1]
    said = [[0, 0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1, 1]]
    found, left, seen = _run(said, labels, 3, 2)
    beta = 1 / (1 + np.sqrt(2 * np.log(3) / 2))
    beta_1 = 0.25 / 0.75
    w = np.array([1, beta, 1, 1, 1, 1, 1 / beta_1])
    np.testing.assert_allclose(seen[0], np.ones(7))
    np.testing.assert_allclose(seen[1], 7 * w / w.sum())
    assert found[0].error == pytest.approx(0.25)
    assert found[0].vote == pytest.approx(np.log(3))
    # Without an error: half of four rows' one.
    assert found[1].error == 0
    assert found[1].vote == pytest.approx(np.log(0.875 / 0.125))
    np.testing.assert_allclose(left / left[0], [1, beta**2, 1])


def test_a_learner_no_better_than_chance_has_no_vote():
    labels = [0, 1, 0, 1]
    found, left, seen = _run([[1, 1, 1, 0]] * 2, labels, 2, 2)
    assert [each.vote for each in found] == [0, 0]
    # The target's weights stay equal, the wrong source row's shrinks.
    assert seen[1][2] == seen[1][3]
    assert left[0] < left[1]


def test_with_more_classes_chance_is_less():
    labels = [0, 1, 2, 0, 1, 2]
    said = [[0, 1, 2, 0, 2, 1]]
    found, _, _ = _run(said, labels, 3, 1, classes=3)
    # An error of two thirds is chance; of a half, worth log 2.
    assert found[0].vote == 0
    said = [[0, 1, 2, 0, 2, 0, 2]]
    found, _, _ = _run(said, [0, 1, 2, 0, 1, 1, 2], 3, 1, classes=3)
    assert found[0].vote == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    "rounds, first", [(1, 0), (2, 0), (3, 1), (4, 1), (10, 4)]
)
def test_the_last_half_votes(rounds, first):
    """From ceil(N / 2), counted from one."""
    given = [boosting.Round(i, 1.0, 0.1) for i in range(rounds)]
    late, votes = boosting.voting(given)
    assert [each.learner for each in late] == list(range(first, rounds))
    assert votes.sum() == pytest.approx(1.0)


def test_without_any_vote_all_are_equal():
    given = [boosting.Round(i, 0.0, 0.5) for i in range(4)]
    _, votes = boosting.voting(given)
    np.testing.assert_allclose(votes, 1 / 3)


def test_first_weights():
    source, target = boosting.first_weights(8, 2, None)
    np.testing.assert_allclose([*source, *target], 0.1)
    source, target = boosting.first_weights(8, 2, 0.5)
    assert source.sum() == pytest.approx(0.5)
    np.testing.assert_allclose(target, 0.25)
    for bad in (0.0, 1.0, np.nan):
        with pytest.raises(ValueError, match="`target_share`"):
            boosting.first_weights(8, 2, bad)


def test_estimators_are_copied():
    tree = DecisionTreeClassifier(max_depth=1)
    learners = boosting.Learners(tree, None)
    rows = np.arange(4.0)[:, None]
    fitted = [
        learners.fitted(rows, np.array([0, 0, 1, 1]), np.ones(4))
        for _ in range(2)
    ]
    assert fitted[0] is not fitted[1] and not hasattr(tree, "tree_")


def test_weights_reach_the_last_step_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    rows = np.array([[0.0], [0.0], [1.0]])
    learners = boosting.Learners(pipeline, None)
    for weights, expected in (([9, 1, 5], 0), ([1, 9, 5], 1)):
        fitted = learners.fitted(
            rows, np.array([0, 1, 1]), np.array(weights, float)
        )
        assert fitted.predict([[0.0]])[0] == expected


def test_what_is_no_learner_is_refused():
    with pytest.raises(ValueError, match="`estimator`.*a function that"):
        boosting.Learners(keras.Sequential(), None)
    with pytest.raises(ValueError, match="`estimator`. Expected a scikit"):
        boosting.Learners(3, None)


def test_rows_are_stacked():
    rows, labels, num_source = boosting.stacked(
        np.zeros((3, 2, 2)), [0, 1, 0], np.ones((1, 2, 2)), [1]
    )
    assert rows.shape == (4, 2, 2) and num_source == 3
    assert labels.tolist() == [0, 1, 0, 1]
    rows, _, _ = boosting.stacked(
        csr_array(np.eye(2)), [0, 1], np.eye(2), [0, 1]
    )
    assert rows.format == "csr" and rows.shape == (4, 2)


@pytest.mark.parametrize(
    "source, labels, message",
    [
        (np.zeros((3, 2)), [0, 1], "The source must have rows .* one label"),
        (np.zeros((0, 2)), [], "The source must have rows"),
        (np.zeros(3), [0, 1, 0], "The source must have rows"),
        (np.zeros((2, 3)), [0, 1], r"same shape. Received: \(3,\) and \(2,\)"),
    ],
    ids=["labels", "empty", "axes", "width"],
)
def test_rows_that_do_not_fit_are_refused(source, labels, message):
    with pytest.raises(ValueError, match=message):
        boosting.stacked(source, labels, np.zeros((2, 2)), [0, 1])
