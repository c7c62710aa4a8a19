import time

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from threadpoolctl import threadpool_limits

from keras_transfer.transferability.logme import logme
from tests.transferability import problems


def _log_evidence(features, column, alpha, beta):
    """Of a Gaussian column, by its covariance; no spectrum."""
    covariance = features @ features.T / alpha + np.eye(len(column)) / beta
    return multivariate_normal.logpdf(column, cov=covariance)


def _reference(features, columns):
    """Algorithm 1 of the paper, with a full SVD and a loop over columns."""
    rows, width = features.shape
    _, values, right = np.linalg.svd(features, full_matrices=True)
    squares = np.zeros(width)
    squares[: len(values)] = values**2
    evidences = []
    for y in columns.T:
        alpha = beta = 1.0
        for _ in range(1000):
            gamma = (beta * squares / (alpha + beta * squares)).sum()
            inverse = right.T @ np.diag(1 / (alpha + beta * squares)) @ right
            mean = beta * inverse @ features.T @ y
            alpha = gamma / (mean @ mean)
            residual = ((features @ mean - y) ** 2).sum()
            beta = (rows - gamma) / residual
        evidence = (
            rows / 2 * np.log(beta)
            + width / 2 * np.log(alpha)
            - rows / 2 * np.log(2 * np.pi)
            - beta / 2 * residual
            - alpha / 2 * (mean @ mean)
            - np.log(alpha + beta * squares).sum() / 2
        )
        evidences.append(evidence / rows)
    return np.mean(evidences)


SHAPES = pytest.mark.parametrize("shape", [(60, 8), (24, 40)])


@SHAPES
def test_it_is_the_algorithm_of_the_paper(generator, shape):
    features, labels = problems.labelled(generator, *shape)
    expected = _reference(features, np.eye(3)[labels])
    assert logme(features, labels) == pytest.approx(expected, abs=1e-6)


@SHAPES
def test_it_is_the_maximum_of_the_evidence(generator, shape):
    """Found by a general optimizer on the density of the column itself."""
    features, labels = problems.labelled(generator, *shape)
    found = []
    for column in np.eye(3)[labels].T:

        def loss(logs, column=column):
            return -_log_evidence(features, column, *np.exp(logs))

        result = minimize(loss, [0.0, 0.0], method="Nelder-Mead")
        found.append(-result.fun / len(labels))
    assert logme(features, labels) == pytest.approx(np.mean(found), abs=1e-5)


@pytest.mark.parametrize("targets", [1, 3])
def test_regression_is_the_mean_over_targets(generator, targets):
    features = generator.normal(size=(50, 5))
    weights = generator.normal(size=(5, targets))
    y = features @ weights + generator.normal(size=(50, targets)) * 0.3
    given = y[:, 0] if targets == 1 else y
    value = logme(features, given, task="regression")
    assert value == pytest.approx(_reference(features, y), abs=1e-6)


@SHAPES
def test_rotation_and_scale_do_not_matter(generator, shape):
    features, labels = problems.labelled(generator, *shape)
    value = logme(features, labels)
    turned = features @ problems.rotation(generator, shape[1])
    assert logme(turned, labels) == pytest.approx(value, abs=1e-9)
    assert logme(1e3 * features, labels) == pytest.approx(value, abs=1e-9)
    assert logme(1e-3 * features, labels) == pytest.approx(value, abs=1e-9)


def test_columns_of_zeros_change_nothing(generator):
    features, labels = problems.labelled(generator)
    wider = np.concatenate([features, np.zeros((90, 200))], axis=1)
    value = logme(features, labels)
    assert logme(wider, labels) == pytest.approx(value, abs=1e-9)


def test_order_and_names_do_not_matter(generator):
    features, labels = problems.labelled(generator)
    order = generator.permutation(90)
    value = logme(features, labels)
    assert logme(features[order], labels[order]) == pytest.approx(value)
    names = np.array(["z", "x", "y"])[labels]
    assert logme(features, names) == pytest.approx(value)


def test_informative_features_score_higher(generator):
    noises = (4.0, 1.0, 0.5, 0.1)
    scores = [
        logme(*problems.labelled(np.random.default_rng(0), noise=noise))
        for noise in noises
    ]
    assert scores == sorted(scores)
    features, labels = problems.labelled(generator, noise=0.1)
    mixed = generator.permutation(labels)
    assert logme(features, labels) > logme(features, mixed) + 0.5


def test_useless_features_give_the_evidence_of_noise():
    """Nothing to gain: the column is noise around 0 of its own energy."""
    labels = np.array([0, 0, 1, 1])
    expected = -0.5 * (np.log(2 * np.pi * 0.5) + 1)
    value = logme(np.zeros((4, 3)), labels)
    assert value == pytest.approx(expected)
    # Orthogonal to both columns.
    value = logme([[1.0], [-1.0], [1.0], [-1.0]], labels)
    assert value == pytest.approx(expected, abs=1e-6)


def test_an_exact_fit_is_finite_and_best(generator):
    features = generator.normal(size=(40, 4))
    y = features @ generator.normal(size=4)
    value = logme(features, y, task="regression")
    noisy = y + 1e-3 * generator.normal(size=40)
    assert np.isfinite(value)
    assert value > logme(features, noisy, task="regression") + 1


def test_a_thousand_wide_rows_take_less_than_a_second(generator):
    """Of one core, so that what else runs on the machine does not count."""
    features = generator.normal(size=(1000, 2048)).astype("float32")
    labels = np.arange(1000) % 100
    with threadpool_limits(1):
        begin = time.process_time()
        logme(features, labels)
        seconds = time.process_time() - begin
    assert seconds < 1.0


def test_wrong_arguments_are_refused(generator):
    features, labels = problems.labelled(generator)
    with pytest.raises(ValueError, match="`task`.*'regression'"):
        logme(features, labels, task="regresion")
    with pytest.raises(ValueError, match="`targets` has 3 rows"):
        logme(features, [1.0, 2.0, 3.0], task="regression")
    with pytest.raises(ValueError, match="column 1 of zeros"):
        columns = np.stack([labels, 0 * labels], axis=1)
        logme(features, columns, task="regression")
    with pytest.raises(ValueError, match="must be integers or strings"):
        logme(features, labels + 0.5)
