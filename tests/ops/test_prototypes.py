"""Means of classes, against NumPy, and logits from them."""

import keras
import numpy as np
import pytest

from keras_transfer import ops
from keras_transfer.ops import prototypes
from tests import helpers

pytestmark = pytest.mark.any_backend

LABELS = np.array([2, 0, -1, 0, 2, 2, -1, 4], "int32")


def numpy_means(x, labels, num_classes):
    """The formula of the docstring, row by row."""
    means = np.zeros((num_classes, x.shape[-1]))
    counts = np.zeros(num_classes, "int32")
    for row, label in zip(x.astype("float64"), labels, strict=True):
        if 0 <= label < num_classes:
            means[label] += row
            counts[label] += 1
    return means / np.maximum(counts, 1)[:, None], counts


def numpy_logits(queries, means, counts, distance, temperature):
    queries, means = queries.astype("float64"), means.astype("float64")
    logits = np.full((len(queries), len(means)), -1e30)
    for i, query in enumerate(queries):
        for k, mean in enumerate(means):
            if counts[k] == 0:
                continue
            if distance == "euclidean":
                logits[i, k] = -((query - mean) ** 2).sum() / temperature
            else:
                lengths = np.sqrt((query**2).sum() * (mean**2).sum())
                logits[i, k] = (query * mean).sum() / lengths / temperature
    return logits


@pytest.fixture
def rows(generator):
    return generator.normal(size=(8, 3)).astype("float32")


def _means(x, labels=LABELS, num_classes=5):
    means, counts = ops.class_means(x, labels, num_classes)
    return helpers.to_numpy(means), helpers.to_numpy(counts)


def test_means_and_counts_equal_numpy(rows):
    means, counts = _means(rows)
    expected = numpy_means(rows, LABELS, 5)
    np.testing.assert_allclose(means, expected[0], atol=1e-6)
    np.testing.assert_array_equal(counts, expected[1])
    assert counts.tolist() == [2, 0, 3, 0, 1]
    assert str(counts.dtype) == "int32"
    np.testing.assert_array_equal(means[[1, 3]], 0)


def test_order_of_rows_does_not_matter(rows, generator):
    order = generator.permutation(8)
    for one, other in zip(
        _means(rows), _means(rows[order], LABELS[order]), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_means_move_with_the_rows(rows):
    means, counts = _means(rows)
    moved, _ = _means(rows + 3.0)
    np.testing.assert_allclose(
        moved[counts > 0], means[counts > 0] + 3.0, atol=1e-5
    )
    np.testing.assert_array_equal(moved[counts == 0], 0)


@pytest.mark.parametrize("garbage", [1e30, np.inf, np.nan])
def test_padding_does_not_count_whatever_it_holds(rows, garbage):
    padded = np.where(LABELS[:, None] < 0, garbage, rows).astype("float32")
    for one, other in zip(_means(padded), _means(rows), strict=True):
        np.testing.assert_array_equal(one, other)
    (gradient,) = helpers.gradients(
        lambda x: keras.ops.sum(ops.class_means(x, LABELS, 5)[0] ** 2), padded
    )
    assert np.isfinite(gradient).all()


def test_labels_that_are_too_large_do_not_count(rows):
    means, counts = _means(rows, num_classes=3)
    assert counts.tolist() == [2, 0, 3]
    np.testing.assert_array_equal(means, _means(rows)[0][:3])


def test_each_task_has_its_own_means(generator):
    x = generator.normal(size=(2, 3, 8, 4)).astype("float32")
    labels = generator.integers(-1, 5, (2, 3, 8))
    means, counts = _means(x, labels)
    assert means.shape == (2, 3, 5, 4)
    for index in np.ndindex(2, 3):
        expected = numpy_means(x[index], labels[index], 5)
        np.testing.assert_allclose(means[index], expected[0], atol=1e-6)
        np.testing.assert_array_equal(counts[index], expected[1])


def test_leading_axes_broadcast(rows, generator):
    labels = generator.integers(-1, 5, (4, 8))
    means, counts = _means(rows, labels)
    assert means.shape == (4, 5, 3) and counts.shape == (4, 5)
    tasks = generator.normal(size=(4, 8, 3)).astype("float32")
    by_one, counts = _means(tasks, LABELS)
    assert by_one.shape == (4, 5, 3) and counts.shape == (5,)
    np.testing.assert_allclose(
        by_one[2], numpy_means(tasks[2], LABELS, 5)[0], atol=1e-6
    )


def test_gradient_of_a_row_is_one_over_the_count(rows):
    (found,) = helpers.gradients(
        lambda x: keras.ops.sum(ops.class_means(x, LABELS, 5)[0]), rows
    )
    share = {2: 1 / 3, 0: 1 / 2, -1: 0.0, 4: 1.0}
    expected = np.array([share[label] for label in LABELS.tolist()])
    np.testing.assert_allclose(found, expected[:, None] * np.ones(3), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_any_integers_are_labels(dtype):
    x = np.eye(2, dtype="float32")
    _, counts = _means(x, np.array([3, 100], dtype), num_classes=300)
    assert np.flatnonzero(counts).tolist() == [3, 100]


def test_many_rows_of_half_precision_keep_their_mean():
    """Summed in half precision, 4096 ones would be 2048."""
    x = keras.ops.ones((4096, 1), "float16")
    means, counts = _means(x, np.zeros(4096, "int32"), 1)
    assert means.dtype == "float32"
    assert means.tolist() == [[1.0]] and counts.tolist() == [4096]


@pytest.mark.parametrize(
    "labels", [np.zeros(8, "float32"), np.zeros(8, bool)], ids=["float", "bool"]
)
def test_labels_that_are_no_integers_are_refused(rows, labels):
    with pytest.raises(ValueError, match=r'must be integers.*astype\("int32"'):
        ops.class_means(rows, labels, 5)


@pytest.mark.parametrize(
    "x, labels", [((8, 3), (7,)), ((8, 3), (1,)), ((8,), (8,)), ((8, 3), ())]
)
def test_labels_that_do_not_fit_are_refused(x, labels):
    with pytest.raises(ValueError, match="need labels of shape"):
        ops.class_means(np.ones(x, "float32"), np.zeros(labels, "int32"), 5)


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, True, None])
def test_wrong_number_of_classes_is_refused(rows, num_classes):
    with pytest.raises(ValueError, match="`num_classes`.*positive integer"):
        ops.class_means(rows, LABELS, num_classes)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_logits_equal_numpy(rows, generator, distance):
    queries = generator.normal(size=(6, 3)).astype("float32")
    means, counts = _means(rows)
    logits = prototypes.prototype_logits(queries, means, counts, distance, 0.7)
    expected = numpy_logits(queries, means, counts, distance, 0.7)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)


def test_distances_keep_their_digits_far_from_zero(rows, generator):
    queries = generator.normal(size=(6, 3)).astype("float32") + 1000.0
    means, counts = _means(rows + 1000.0)
    logits = prototypes.prototype_logits(
        queries, means, counts, "euclidean", 1.0
    )
    expected = numpy_logits(queries, means, counts, "euclidean", 1.0)
    np.testing.assert_allclose(logits, expected, rtol=2e-3)


def test_distances_are_never_negative(generator):
    means = generator.normal(size=(40, 300)).astype("float32") * 100
    logits = prototypes.prototype_logits(
        means, means, np.ones(40, "int32"), "euclidean", 1.0
    )
    assert helpers.to_numpy(logits).max() <= 0


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_gradient_of_logits_equals_central_differences(generator, distance):
    queries = generator.normal(size=(3, 4)).astype("float32")
    means = generator.normal(size=(2, 4)).astype("float32")
    weights = generator.normal(size=(3, 2))
    counts = np.ones(2, "int32")

    def value(q, m):
        logits = prototypes.prototype_logits(q, m, counts, distance, 0.7)
        return keras.ops.sum(logits * keras.ops.cast(weights, "float32"))

    found = helpers.gradients(value, queries, means)
    expected = [
        helpers.numeric_gradient(
            lambda q: (
                weights * numpy_logits(q, means, counts, distance, 0.7)
            ).sum(),
            queries,
        ),
        helpers.numeric_gradient(
            lambda m: (
                weights * numpy_logits(queries, m, counts, distance, 0.7)
            ).sum(),
            means,
        ),
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_unit_vectors_have_length_one_and_no_nan_at_zero(rows):
    x = np.concatenate([rows, np.zeros((1, 3), "float32")])
    lengths = np.sqrt(
        (helpers.to_numpy(prototypes.unit_vectors(x)) ** 2).sum(-1)
    )
    np.testing.assert_allclose(lengths, [1.0] * 8 + [0.0], atol=1e-6)
    (gradient,) = helpers.gradients(
        lambda x: keras.ops.sum(prototypes.unit_vectors(x)), x
    )
    assert np.isfinite(gradient).all()
