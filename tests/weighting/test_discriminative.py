import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from keras_transfer import weighting
from tests.weighting import problems


def test_weights_are_the_odds_of_fits_without_the_row(generator):
    """One row a fold is left out, so that folds need not be known."""
    source = generator.normal(size=(6, 2))
    target = generator.normal(size=(6, 2)) + 0.5
    found = weighting.discriminative(
        source, target, folds=6, classifier=_Nearest()
    )
    assert set(np.round(found / found.min())) <= {1.0, 3.0, 9.0}
    problems.assert_are_weights(found, 6)


class _Nearest(LogisticRegression):
    """Says 0.75 for the domain of the nearest row, 0.25 for the other."""

    def fit(self, x, y):
        self.x, self.classes_, self.y = x, np.unique(y), y
        return self

    def predict_proba(self, x):
        distances = ((x[:, None] - self.x[None]) ** 2).sum(axis=-1)
        assert distances.min() > 0, "a row is judged by a fit to it"
        near = self.y[distances.argmin(axis=1)]
        return np.stack([0.75 - 0.5 * near, 0.25 + 0.5 * near], axis=1)


def test_weights_are_the_density_ratio():
    """Of two Gaussians: exp(x - 1/2), which a logistic regression can say."""
    generator = np.random.default_rng(0)
    source = generator.normal(size=(3000, 1))
    target = generator.normal(size=(2000, 1)) + 1.0
    found = weighting.discriminative(source, target, degree=1)
    truth = np.exp(source[:, 0] - 0.5)
    inner = np.abs(source[:, 0]) < 2
    ratio = found[inner] / truth[inner]
    assert ratio.min() > 0.75 and ratio.max() < 1.35


def test_weights_move_means_to_the_target():
    generator = np.random.default_rng(1)
    source = generator.normal(size=(2000, 2))
    target = generator.normal(size=(1000, 2)) + [0.8, 0.0]
    weights = weighting.discriminative(source, target)
    moved = (weights[:, None] * source).mean(axis=0)
    np.testing.assert_allclose(moved, [0.8, 0.0], atol=0.15)


def test_a_narrower_target_needs_squares():
    generator = np.random.default_rng(0)
    source = generator.normal(size=(1000, 1))
    target = 0.5 * generator.normal(size=(1000, 1))
    truth = np.exp(-1.5 * source[:, 0] ** 2)
    straight = weighting.discriminative(source, target, degree=1)
    assert abs(problems.correlation(straight, truth)) < 0.5
    assert problems.correlation(
        weighting.discriminative(source, target), truth
    ) > (0.95)


@pytest.mark.parametrize("rows, columns", [(600, 9), (80, 3)])
def test_many_columns_or_few_rows_have_no_squares(generator, rows, columns):
    source = generator.normal(size=(600, columns))
    target = generator.normal(size=(rows, columns)) + 0.3
    found = weighting.discriminative(source, target)
    np.testing.assert_array_equal(
        found, weighting.discriminative(source, target, degree=1)
    )


def test_equal_domains_have_equal_weights(generator):
    source = generator.normal(size=(500, 2))
    target = generator.normal(size=(500, 2))
    weights = weighting.discriminative(source, target)
    assert weighting.effective_sample_size(weights) > 450


def test_sparse_rows_give_what_dense_ones_do(generator):
    source = np.maximum(generator.normal(size=(100, 12)), 0)
    target = np.maximum(generator.normal(size=(80, 12)) + 0.2, 0)
    dense = weighting.discriminative(source, target)
    for given in (csr_array(source), csr_array(source).tocoo()):
        found = weighting.discriminative(given, csr_array(target))
        np.testing.assert_allclose(found, dense, rtol=0.05)
    mixed = weighting.discriminative(source, csr_array(target))
    np.testing.assert_allclose(mixed, dense, rtol=0.05)


def test_bad_sparse_rows_are_refused():
    rows = np.eye(6)
    rows[4, 4] = np.nan
    with pytest.raises(ValueError, match="`source` has a NaN .* in row 4"):
        weighting.discriminative(csr_array(rows), np.eye(6))
    with pytest.raises(ValueError, match="`degree`.*sparse"):
        weighting.discriminative(csr_array(np.eye(6)), np.eye(6), degree=2)


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic"])
def test_calibration_makes_forests_into_ratios(calibration):
    source, target, ratio = problems.gaussian_shift(rows=400)
    forest = RandomForestClassifier(30, random_state=0)
    raw, calibrated = (
        weighting.discriminative(
            source, target, classifier=forest, calibration=given
        )
        for given in (None, calibration)
    )
    assert problems.correlation(calibrated, ratio) > (
        problems.correlation(raw, ratio)
    )
    assert problems.correlation(calibrated, ratio) > 0.6


def test_far_domains_have_finite_weights(generator):
    source = generator.normal(size=(50, 2))
    problems.assert_are_weights(
        weighting.discriminative(source, source + 100), 50
    )


@pytest.mark.parametrize(
    "name, value",
    [
        ("folds", 1),
        ("regularization", 0.0),
        ("degree", 3),
        ("calibration", "sigmoids"),
        ("seed", -1),
    ],
)
def test_wrong_settings_are_refused(name, value):
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match=f"`{name}`"):
        weighting.discriminative(rows, rows, **{name: value})


def test_a_degree_beside_a_classifier_is_refused():
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match="not both"):
        weighting.discriminative(
            rows, rows, degree=1, classifier=LogisticRegression()
        )


def test_fewer_rows_than_folds_are_refused():
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match="The target has 4 rows. Expected 5"):
        weighting.discriminative(rows, rows[:4])
