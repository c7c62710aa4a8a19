import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier

from keras_transfer.weighting import domain_classifier


@pytest.mark.parametrize("errors", [0, 3, 20, 40])
def test_the_interval_is_wilsons(errors):
    found = domain_classifier.error_interval(errors, 40)
    expected = binomtest(errors, 40).proportion_ci(0.95, method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_no_row_is_judged_by_what_was_fitted_to_it(generator):
    """A classifier that remembers: right on its rows, wrong elsewhere."""
    features = generator.normal(size=(30, 2))
    labels = np.arange(30) % 2

    class Remembering(DummyClassifier):
        def fit(self, x, y):
            self.rows = {
                tuple(row): label for row, label in zip(x, y, strict=True)
            }
            return super().fit(x, y)

        def predict(self, x):
            return np.array([self.rows.get(tuple(row), 9) for row in x])

    found = domain_classifier.held_out(
        Remembering(), features, labels, folds=3, seed=0
    )
    assert (found == 9).all()


def test_each_class_has_its_share_in_each_fold(generator):
    sizes = []

    class Counting(DummyClassifier):
        def fit(self, x, y):
            sizes.append(np.bincount(y).tolist())
            return super().fit(x, y)

    labels = generator.permutation(np.repeat([0, 1, 2], [20, 10, 5]))
    domain_classifier.held_out(
        Counting(), np.zeros((35, 1)), labels, folds=5, seed=3
    )
    assert sizes == [[16, 8, 4]] * 5


def test_classes_with_fewer_rows_than_folds_do_not_warn(generator):
    found = domain_classifier.held_out(
        domain_classifier.linear_classifier(),
        generator.normal(size=(20, 2)),
        np.array([0] * 10 + [1] * 8 + [2] * 2),
        folds=5,
        seed=0,
    )
    assert found.shape == (20,)


def test_the_linear_classifier_does_not_mind_the_scale(generator):
    features = generator.normal(size=(60, 3)) * [1e-4, 1.0, 1e4]
    labels = (features[:, 0] > 0).astype(int)
    classifier = domain_classifier.linear_classifier()
    assert classifier.fit(features, labels).score(features, labels) > 0.95


def test_a_sample_is_sorted_and_without_repeats(generator):
    found = domain_classifier.sample(100, 30, generator)
    assert len(set(found)) == 30
    assert (np.diff(found) > 0).all()
    assert domain_classifier.sample(5, 30, generator).tolist() == list(range(5))
    assert len(domain_classifier.sample(5, None, generator)) == 5


@pytest.mark.parametrize(
    "name, value",
    [
        ("folds", 1),
        ("folds", True),
        ("regularization", 0.0),
        ("max_rows", 3),
        ("seed", -1),
        ("seed", 0.5),
    ],
)
def test_wrong_settings_are_refused(name, value):
    settings = {"folds": 5, "regularization": 1.0, "max_rows": 9, "seed": 0}
    with pytest.raises(ValueError, match=f"`{name}`"):
        domain_classifier.check_settings(**{**settings, name: value})


def test_domains_that_cannot_be_compared_are_refused():
    rows = np.zeros((6, 2))
    with pytest.raises(ValueError, match="same width. Received: 2 and 3"):
        domain_classifier.check_rows(rows, np.zeros((6, 3)), 5)
    with pytest.raises(ValueError, match="The target has 4 rows. Expected 5"):
        domain_classifier.check_rows(rows, rows[:4], 5)
