import numpy as np
import pytest
import scipy.linalg
import scipy.spatial.distance

from keras_transfer.subspace import TransferComponentAnalysis
from tests.helpers import two_domains
from tests.subspace import shared_data


def _kernel(rows, others, bandwidth):
    if bandwidth is None:
        return rows @ others.T
    squared = scipy.spatial.distance.cdist(rows, others, "sqeuclidean")
    return np.exp(-squared / (2 * bandwidth**2))


def _twin(source, target, dimensions, regularization, bandwidth=None):
    """Section III with all matrices, of all rows by all rows."""
    n, m = len(source), len(target)
    rows = np.concatenate([source, target])
    kernel = _kernel(rows, rows, bandwidth)
    signs = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    discrepancy = np.outer(signs, signs)
    centring = np.eye(n + m) - 1.0 / (n + m)
    left = kernel @ discrepancy @ kernel + regularization * np.eye(n + m)
    right = kernel @ centring @ kernel
    values, vectors = scipy.linalg.eigh(right, left)
    return rows, values[::-1][:dimensions], vectors[:, ::-1][:, :dimensions]


@pytest.mark.parametrize(
    ("kernel", "bandwidth"), [("linear", None), ("gaussian", 3.0)]
)
@pytest.mark.parametrize(
    ("rows", "width"), [(20, 6), (5, 14)], ids=["tall", "wide"]
)
@pytest.mark.parametrize("whiten", [False, True], ids=["plain", "white"])
def test_twin(generator, kernel, bandwidth, rows, width, whiten):
    source, target = two_domains(generator, rows, rows + 3, width, "float64")
    layer = TransferComponentAnalysis(
        3, kernel, bandwidth, 0.5, whiten, dtype="float64"
    )
    layer.adapt(source, target)
    fitted, values, weights = _twin(source, target, 3, 0.5, bandwidth)
    new = generator.normal(size=(4, width))
    for rows in (source, target, new):
        expected = _kernel(rows, fitted, bandwidth) @ weights
        if whiten:
            expected = expected / np.sqrt(values)
        np.testing.assert_allclose(
            np.abs(layer(rows)), np.abs(expected), atol=1e-7
        )


def test_white_components_meet_the_constraint_of_the_paper(generator):
    source, target = two_domains(generator, dtype="float64")
    layer = TransferComponentAnalysis(3, whiten=True, dtype="float64")
    layer.adapt(source, target)
    outputs = layer(np.concatenate([source, target])).numpy()
    outputs -= outputs.mean(axis=0)
    np.testing.assert_allclose(outputs.T @ outputs, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("rows", [20, 5], ids=["tall", "wide"])
def test_the_primal_problem(generator, rows):
    source, target = two_domains(generator, rows, rows, 8, "float64")
    layer = TransferComponentAnalysis(3, "primal", dtype="float64")
    layer.adapt(source, target)
    difference = source.mean(axis=0) - target.mean(axis=0)
    both = np.concatenate([source, target])
    centred = both - both.mean(axis=0)
    _, vectors = scipy.linalg.eigh(
        centred.T @ centred, np.outer(difference, difference) + np.eye(8)
    )
    np.testing.assert_allclose(
        np.abs(layer(source)),
        np.abs(source @ vectors[:, ::-1][:, :3]),
        atol=1e-7,
    )


@pytest.mark.parametrize("kernel", ["linear", "primal", "gaussian"])
def test_the_domains_may_change_places(generator, kernel):
    source, target = two_domains(generator, target_rows=9, dtype="float64")
    layers = [
        TransferComponentAnalysis(2, kernel, dtype="float64") for _ in "12"
    ]
    layers[0].adapt(source, target)
    layers[1].adapt(target, source)
    np.testing.assert_allclose(
        np.abs(layers[0](source)), np.abs(layers[1](source)), atol=1e-8
    )


@pytest.mark.parametrize("kernel", ["linear", "primal", "gaussian"])
def test_little_regularization_makes_the_means_meet(generator, kernel):
    source, target = two_domains(generator, rows=40, dtype="float64")
    gaps = []
    for regularization in (1e4, 1e-4):
        layer = TransferComponentAnalysis(
            2, kernel, regularization=regularization, whiten=True
        )
        layer.adapt(source, target)
        means = [np.mean(layer(rows), axis=0) for rows in (source, target)]
        gaps.append(np.linalg.norm(means[0] - means[1]))
    assert gaps[1] < 0.1 * gaps[0]


def test_the_default_bandwidth_is_the_median_distance(generator):
    source, target = two_domains(generator, dtype="float64")
    both = np.concatenate([source, target])
    median = float(np.median(scipy.spatial.distance.pdist(both)))
    layers = [
        TransferComponentAnalysis(2, "gaussian", bandwidth)
        for bandwidth in (None, median)
    ]
    for layer in layers:
        layer.adapt(source, target)
    np.testing.assert_allclose(layers[0](both), layers[1](both), atol=1e-5)


@pytest.mark.parametrize("kernel", ["linear", "primal"])
def test_constant_columns(generator, kernel):
    source, target = two_domains(generator)
    source[:, 1] = target[:, 1] = 3.0
    layer = TransferComponentAnalysis(2, kernel)
    layer.adapt(source, target)
    assert np.isfinite(layer(source)).all()


def test_one_column():
    source = np.array([[0.0], [1.0], [2.0]])
    layer = TransferComponentAnalysis(1)
    layer.adapt(source, source + 1.0)
    assert layer(source).shape == (3, 1)


def test_more_components_than_directions_are_refused(generator):
    with pytest.raises(ValueError, match="`dimensions`.*at most 5"):
        TransferComponentAnalysis(6).adapt(*two_domains(generator))


def test_the_published_table_of_objects():
    """Long et al., 2013, table 3: 37.76 from Amazon to Caltech."""
    source, source_labels = shared_data.surf("amazon")
    target, target_labels = shared_data.surf("caltech")
    layer = TransferComponentAnalysis(100)
    layer.adapt(source, target)
    found = shared_data.nearest_neighbour_accuracy(
        layer(source), source_labels, layer(target), target_labels
    )
    assert found == pytest.approx(37.76, abs=0.5)
