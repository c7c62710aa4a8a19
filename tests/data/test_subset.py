"""Classes, rows per class and imbalance, by seed."""

import numpy as np
import pytest
import scipy.sparse

import keras_transfer as kt
from keras_transfer.data.subset import subset_rows

subset = kt.data.subset


def _data(counts, generator):
    """Rows that carry their number, with labels in a mixed order."""
    y = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    return np.arange(len(y)), y


# === Which rows ===


def test_nothing_asked_for_keeps_all(generator):
    x, y = _data([5, 7, 2], generator)
    rows, labels = subset(x, y)
    np.testing.assert_array_equal(rows, x)
    np.testing.assert_array_equal(labels, y)


def test_classes_keep_their_labels_and_their_order(generator):
    x, y = _data([5, 7, 2], generator)
    rows, labels = subset(x, y, classes=[2, 0])
    np.testing.assert_array_equal(rows, np.flatnonzero(y != 1))
    np.testing.assert_array_equal(labels, y[y != 1])


def test_so_many_rows_of_each_class(generator):
    x, y = _data([50, 70, 20], generator)
    rows, labels = subset(x, y, per_class=11)
    assert np.bincount(labels).tolist() == [11, 11, 11]
    assert sorted(set(rows)) == rows.tolist()
    np.testing.assert_array_equal(labels, y[rows])


def test_labels_may_be_strings():
    y = np.array(["cat", "dog", "cat", "emu"])
    rows, labels = subset(np.arange(4), y, classes=["cat", "emu"])
    assert rows.tolist() == [0, 2, 3] and labels.tolist() == ["cat"] * 2 + [
        "emu"
    ]


def test_a_seed_repeats_and_another_differs(generator):
    x, y = _data([50, 50], generator)
    first, again, other = (
        subset(x, y, per_class=10, seed=seed)[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()


def test_more_rows_hold_the_fewer_and_other_classes_change_nothing(generator):
    x, y = _data([50, 50, 50], generator)
    few, more = (set(subset(x, y, per_class=n)[0]) for n in (5, 20))
    assert few < more
    alone = set(subset(x, y, classes=[1], per_class=5)[0])
    assert alone == {row for row in few if y[row] == 1}


def test_every_row_has_the_same_chance():
    y = np.zeros(20, "int64")
    drawn = np.zeros(20)
    for seed in range(2000):
        drawn[subset_rows(y, per_class=5, seed=seed)] += 1
    # Five standard deviations of a binomial of 2000 draws at 1/4.
    assert np.abs(drawn - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_nests_and_sparse_rows(generator):
    x, y = _data([5, 7], generator)
    nest, _ = subset({"a": x, "b": x[:, None]}, y, classes=[1])
    assert nest["a"].shape == (7,) and nest["b"].shape == (7, 1)
    sparse, _ = subset(scipy.sparse.coo_matrix(x[:, None]), y, classes=[1])
    np.testing.assert_array_equal(sparse.toarray(), nest["b"])


# === Imbalance ===


def _twin(largest, ratio, classes):
    """Cui et al. 2019: n mu^k with mu^(classes - 1) = 1 / ratio."""
    mu = (1.0 / ratio) ** (1.0 / (classes - 1))
    return [int(np.floor(largest * mu**k + 1e-6)) for k in range(classes)]


@pytest.mark.parametrize("ratio", [1, 2, 10, 100, 256])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_profile_is_that_of_the_paper(ratio, classes, generator):
    x, y = _data([300] * classes, generator)
    _, labels = subset(x, y, imbalance=ratio, per_class=256)
    assert np.bincount(labels).tolist() == _twin(256, ratio, classes)
    counts = np.bincount(labels)
    assert counts[0] == 256 and counts[-1] == 256 // ratio


def test_cifars_long_tail():
    # 5,000 rows of 10 classes at 1:100, as published with the method's code.
    y = np.repeat(np.arange(10), 5000)
    _, labels = subset(y, y, imbalance=100)
    expected = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert np.bincount(labels).tolist() == expected


def test_the_order_of_classes_says_which_is_largest(generator):
    x, y = _data([40, 40, 40], generator)
    _, labels = subset(x, y, classes=[2, 1, 0], imbalance=4)
    assert np.bincount(labels).tolist() == [10, 20, 40]


def test_without_a_number_classes_give_the_most_they_can(generator):
    x, y = _data([40, 10, 30], generator)
    _, labels = subset(x, y, imbalance=4)
    # 10 rows of the middle class are half of the first's 20.
    assert np.bincount(labels).tolist() == [20, 10, 5]


def test_one_class_has_no_imbalance():
    _, labels = subset(np.arange(9), np.zeros(9, int), imbalance=3)
    assert len(labels) == 9


# === Errors ===


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"per_class": 6}, "Class 0 has 5 rows, and 6 are asked for"),
        ({"per_class": 0}, "`per_class`. Expected a positive integer or None"),
        ({"per_class": True}, "`per_class`"),
        ({"per_class": 2.5}, "`per_class`"),
        ({"imbalance": 0.5}, "`imbalance`. Expected a number of at least 1"),
        ({"imbalance": float("nan")}, "`imbalance`"),
        ({"imbalance": 50}, "The smallest class would keep no row"),
        ({"seed": -1}, "`seed`. Expected a non-negative integer"),
        ({"seed": None}, "`seed`"),
        ({"classes": [7]}, "names class 7, of which there is no row"),
        ({"classes": [1, 1]}, "each class once"),
        ({"classes": []}, "a class or more"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_refused(settings, message):
    y = np.repeat([0, 1], [5, 9])
    with pytest.raises(ValueError, match=message):
        subset(np.arange(14), y, **settings)


def test_rows_and_labels_must_fit():
    with pytest.raises(ValueError, match="`x` has 3 rows and `y` 2"):
        subset(np.arange(3), [0, 1])
    with pytest.raises(ValueError, match="must have one axis"):
        subset(np.eye(2), np.eye(2, dtype=int))
