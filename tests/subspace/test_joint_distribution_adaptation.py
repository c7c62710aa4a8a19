import keras
import numpy as np
import pytest
import scipy.linalg

from keras_transfer.subspace import JointDistributionAdaptation
from keras_transfer.subspace import TransferComponentAnalysis
from tests.subspace import shared_data


@keras.saving.register_keras_serializable(package="tests")
def nearest_centroid():
    from sklearn.neighbors import NearestCentroid

    return NearestCentroid()


def _blobs(generator, rows=30, width=6, shift=1.0):
    """Three classes, and a target that is moved, each class its own way."""
    centres = 4.0 * generator.normal(size=(3, width))
    moves = shift * generator.normal(size=(3, width))
    labels = np.arange(rows) % 3
    noise = generator.normal(size=(2, rows, width))
    source = centres[labels] + noise[0]
    return source, labels, centres[labels] + moves[labels] + noise[1]


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _twin(source, labels, target, dimensions, rounds, strength):
    """The authors' program, matrix by matrix; returns the outputs."""
    n, m = len(source), len(target)
    rows = np.concatenate([source, target])
    centring = np.eye(n + m) - 1.0 / (n + m)
    guesses = None
    for _ in range(rounds):
        signs = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
        discrepancy = np.outer(signs, signs) * 3
        if guesses is not None:
            for number in range(3):
                signs = np.zeros(n + m)
                signs[:n][labels == number] = 1 / (labels == number).sum()
                there = guesses == number
                if there.any():
                    signs[n:][there] = -1 / there.sum()
                discrepancy += np.outer(signs, signs)
        discrepancy /= np.linalg.norm(discrepancy)
        left = rows.T @ discrepancy @ rows
        left += strength * np.eye(rows.shape[1])
        right = rows.T @ centring @ rows
        columns = scipy.linalg.eigh(right, left)[1][:, ::-1][:, :dimensions]
        outputs = _unit(rows @ columns)
        nearest = (outputs[n:] @ outputs[:n].T).argmax(axis=1)
        guesses = labels[nearest]
    return rows @ columns


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_twin(generator, rounds, strength):
    source, labels, target = _blobs(generator, shift=3.0)
    layer = JointDistributionAdaptation(
        2, rounds, regularization=strength, dtype="float64"
    )
    layer.adapt(source, target, labels)
    expected = _twin(source, labels, target, 2, rounds, strength)
    found = layer(np.concatenate([source, target]))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-7)


def test_rounds_with_classes_differ_from_the_first(generator):
    source, labels, target = _blobs(generator, shift=3.0)
    outputs = []
    for rounds in (1, 2):
        layer = JointDistributionAdaptation(2, rounds, regularization=1e-3)
        layer.adapt(source, target, labels)
        outputs.append(np.abs(layer(target)))
    assert not np.allclose(*outputs, rtol=1e-2)


def test_means_of_classes_come_nearer_than_by_transfer_components(generator):
    source, labels, target = _blobs(generator, rows=90, width=9, shift=1.5)
    gaps = {}
    for name, layer in {
        "joint": JointDistributionAdaptation(
            3, regularization=1e-4, whiten=True
        ),
        "marginal": TransferComponentAnalysis(
            3, "primal", regularization=1e-4, whiten=True
        ),
    }.items():
        layer.adapt(source, target, labels)
        means = [
            np.stack([np.mean(outputs[labels == c], axis=0) for c in range(3)])
            for outputs in (np.array(layer(source)), np.array(layer(target)))
        ]
        gaps[name] = np.linalg.norm(means[0] - means[1])
    assert gaps["joint"] < 0.8 * gaps["marginal"]


@pytest.mark.parametrize("kernel", ["primal", "linear", "gaussian"])
def test_names_and_order_of_classes_do_not_matter(generator, kernel):
    source, labels, target = _blobs(generator)
    names = np.array(["cat", "ape", "dog"])[labels]
    layers = [
        JointDistributionAdaptation(2, 3, kernel=kernel, dtype="float64")
        for _ in "12"
    ]
    layers[0].adapt(source, target, labels)
    layers[1].adapt(source, target, names)
    np.testing.assert_allclose(layers[0](target), layers[1](target), atol=1e-9)


@pytest.mark.parametrize("kernel", ["primal", "linear"])
def test_more_columns_than_rows(generator, kernel):
    source, labels, target = _blobs(generator, rows=12, width=40)
    layer = JointDistributionAdaptation(4, 3, kernel=kernel)
    layer.adapt(source, target, labels)
    assert layer(target).shape == (12, 4)
    assert np.isfinite(layer(target)).all()


def test_the_primal_form_is_the_same_for_wide_rows(generator):
    source, labels, target = _blobs(generator, rows=9, width=25)
    layer = JointDistributionAdaptation(3, 3, dtype="float64")
    layer.adapt(source, target, labels)
    expected = _twin(source, labels, target, 3, 3, 1.0)
    np.testing.assert_allclose(
        np.abs(layer(source)), np.abs(expected[:9]), atol=1e-7
    )


def test_another_classifier(generator, tmp_path):
    source, labels, target = _blobs(generator)
    layer = JointDistributionAdaptation(2, 3, classifier=nearest_centroid)
    layer.adapt(source, target, labels)
    model = keras.Sequential([keras.Input((6,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].classifier is nearest_centroid
    np.testing.assert_array_equal(loaded(target), model(target))


def test_the_classifier_makes_the_guesses(generator):
    seen = []

    class Watched:
        def fit(self, rows, labels):
            seen.append((rows, labels))

        def predict(self, rows):
            return np.zeros(len(rows), int)

    source, labels, target = _blobs(generator)
    for unit_length in (True, False):
        layer = JointDistributionAdaptation(
            2, 3, classifier=Watched, unit_length=unit_length
        )
        layer.adapt(source, target, labels)
    assert len(seen) == 4  # the last round needs no guesses
    np.testing.assert_array_equal(seen[0][1], labels)
    lengths = [np.linalg.norm(rows, axis=1) for rows, _ in seen]
    np.testing.assert_allclose(lengths[0], 1.0)
    assert not np.allclose(lengths[2], 1.0)


def test_labels_are_wanted(generator):
    source, labels, target = _blobs(generator)
    layer = JointDistributionAdaptation(2)
    with pytest.raises(ValueError, match="`source_labels`.*adapt.source, tar"):
        layer.adapt(source, target)
    with pytest.raises(ValueError, match="has 29 rows .* have 30"):
        layer.adapt(source, target, labels[1:])
    with pytest.raises(ValueError, match="2 classes or more"):
        layer.adapt(source, target, labels * 0)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="`rounds`.*an integer of 1 or more"):
        JointDistributionAdaptation(rounds=0)
    with pytest.raises(ValueError, match="`classifier`.*Pass the class"):
        JointDistributionAdaptation(classifier="svm")


@pytest.mark.slow
def test_the_published_table_of_objects():
    """Long et al., 2013, table 3: 39.36 from Amazon to Caltech."""
    source, source_labels = shared_data.surf("amazon")
    target, target_labels = shared_data.surf("caltech")
    source, target = _unit(source), _unit(target)
    layer = JointDistributionAdaptation(100, kernel="linear")
    layer.adapt(source, target, source_labels)
    found = shared_data.nearest_neighbour_accuracy(
        _unit(layer(source)), source_labels, _unit(layer(target)), target_labels
    )
    assert found == pytest.approx(39.4, abs=1.0)
