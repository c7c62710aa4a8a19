import functools

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from keras_transfer.selection import reverse_validation


def _problem(generator, rows=200):
    source = generator.normal(size=(rows, 2))
    labels = (source[:, 0] > 0).astype(int)
    target = generator.normal(size=(rows // 2, 2)) + [0.2, 0.0]
    return source, labels, target


def _neighbours(number, rows, labels, other_rows):
    return KNeighborsClassifier(number).fit(rows, labels).predict


class _Recorder:
    """Trains a fixed classifier and keeps what it was given."""

    def __init__(self):
        self.calls = []

    def __call__(self, rows, labels, other_rows):
        self.calls.append((rows, labels, other_rows))
        return KNeighborsClassifier(3).fit(rows, labels).predict


def test_it_goes_there_and_back(generator):
    source, labels, target = _problem(generator)
    fit = _Recorder()
    risk = reverse_validation(fit, source, labels, target)
    (rows, known, others), (back_rows, guesses, back_others) = fit.calls
    assert (len(rows), len(others)) == (180, 90)
    np.testing.assert_array_equal(back_rows, others)
    np.testing.assert_array_equal(back_others, rows)
    forward = KNeighborsClassifier(3).fit(rows, known)
    np.testing.assert_array_equal(guesses, forward.predict(others))
    backward = KNeighborsClassifier(3).fit(others, guesses)
    trained_on = {tuple(row) for row in rows}
    aside = np.array([tuple(row) not in trained_on for row in source])
    assert aside.sum() == 20
    expected = (backward.predict(source[aside]) != labels[aside]).mean()
    assert risk == pytest.approx(expected)


def test_labels_go_with_their_rows(generator):
    source, labels, target = _problem(generator)
    fit = _Recorder()
    reverse_validation(fit, source, labels, target)
    rows, known, _ = fit.calls[0]
    np.testing.assert_array_equal(known, (rows[:, 0] > 0).astype(int))


def test_it_prefers_what_does_better_on_the_target():
    """Where the truth is known: three numbers of neighbours."""
    generator = np.random.default_rng(0)
    source, labels, target = _problem(generator, 400)
    labels = np.where(generator.uniform(size=400) < 0.15, 1 - labels, labels)
    truth = (target[:, 0] > 0).astype(int)
    risks, errors = [], []
    for number in (1, 25, 170):
        fit = functools.partial(_neighbours, number)
        risks.append(reverse_validation(fit, source, labels, target, repeats=5))
        found = fit(source, labels, target)(target)
        errors.append((found != truth).mean())
    assert np.argmin(risks) == np.argmin(errors) == 1


def test_seeds_and_repeats(generator):
    source, labels, target = _problem(generator)

    def risk(**arguments):
        return reverse_validation(
            functools.partial(_neighbours, 1),
            source,
            labels,
            target,
            **arguments,
        )

    assert risk(seed=3) == risk(seed=3)
    assert len({risk(seed=seed) for seed in range(6)}) > 1
    recorder = _Recorder()
    reverse_validation(recorder, source, labels, target, repeats=4)
    assert len(recorder.calls) == 8
    firsts = {call[0].tobytes() for call in recorder.calls[::2]}
    assert len(firsts) == 4


def test_one_class_alone_is_its_own_way_back(generator):
    source, labels, target = _problem(generator)

    def fit(rows, labels, other_rows):
        assert len(set(labels)) > 1
        return lambda rows: np.ones(rows.shape[0], int)

    risk = reverse_validation(
        fit, source, labels, target, validation_fraction=0.5
    )
    assert risk == pytest.approx((labels == 0).mean(), abs=0.15)


def test_names_and_sparse_rows(generator):
    source, labels, target = _problem(generator)
    names = np.array(["no", "yes"])[labels]

    def fit(rows, labels, other_rows):
        return LogisticRegression().fit(rows, labels).predict

    expected = reverse_validation(fit, source, labels, target)
    sparse = [scipy.sparse.coo_matrix(rows) for rows in (source, target)]
    assert reverse_validation(fit, source, names, target) == expected
    found = reverse_validation(fit, sparse[0], names, sparse[1])
    assert found == pytest.approx(expected)


def test_wrong_arguments_are_refused(generator):
    source, labels, target = _problem(generator)
    fit = functools.partial(_neighbours, 1)
    with pytest.raises(ValueError, match="`fit`"):
        reverse_validation("svm", source, labels, target)
    with pytest.raises(ValueError, match="one label for each row"):
        reverse_validation(fit, source, labels[1:], target)
    for name, wrong in (
        ("validation_fraction", 1.0),
        ("repeats", 0),
        ("seed", -1),
    ):
        with pytest.raises(ValueError, match=f"`{name}`"):
            reverse_validation(fit, source, labels, target, **{name: wrong})
    with pytest.raises(ValueError, match="The target has 1 rows"):
        reverse_validation(fit, source, labels, target[:1])


@pytest.mark.parametrize(
    "returned, match",
    [
        (None, "must return a function"),
        (lambda rows: np.zeros((len(rows), 2), int), "one label a row"),
        (lambda rows: np.zeros(len(rows)), "one label a row.*float64"),
    ],
    ids=["nothing", "scores", "floats"],
)
def test_what_fit_returns_is_checked(generator, returned, match):
    source, labels, target = _problem(generator)
    with pytest.raises(ValueError, match=match):
        reverse_validation(lambda *arguments: returned, source, labels, target)
