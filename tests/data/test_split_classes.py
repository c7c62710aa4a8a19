"""Splits by class: disjoint, by the seed alone, and what is refused."""

import numpy as np
import pytest

import keras_transfer as kt

split_classes = kt.data.split_classes

LABELS = np.arange(300) * 7 % 10


def test_fractions_share_no_class_and_lose_no_row():
    parts = split_classes(LABELS, (0.5, 0.3, 0.2))
    classes = [set(LABELS[rows].tolist()) for rows in parts]
    assert [len(found) for found in classes] == [5, 3, 2]
    assert set.union(*classes) == set(range(10))
    assert sorted(np.concatenate(parts)) == list(range(300))
    for rows in parts:
        assert rows.tolist() == sorted(rows)


def test_sizes_follow_the_formula_where_floats_are_inexact():
    # 0.3 + 0.35 is less than 0.65, of which 6.5 classes follow, so 7.
    for fractions, sizes in [
        ((0.3, 0.35), [3, 4]),
        ((0.7, 0.1, 0.2), [7, 1, 2]),
        ((0.1, 0.2, 0.7), [1, 2, 7]),
        ((0.25, 0.75), [3, 7]),
        ((0.64, 0.16, 0.2), [6, 2, 2]),
        ([1 / 3] * 3, [3, 4, 3]),
    ]:
        parts = split_classes(LABELS, fractions)
        assert [len(set(LABELS[rows])) for rows in parts] == sizes


def test_fractions_may_leave_classes_out():
    parts = split_classes(LABELS, (0.2, 0.3))
    assert [len(set(LABELS[rows])) for rows in parts] == [2, 3]


def _classes(labels, seed):
    part, _ = split_classes(labels, (0.5, 0.5), seed)
    return set(np.asarray(labels)[part].tolist())


def test_a_split_depends_on_names_and_seed_alone():
    shuffled = np.random.default_rng(1).permutation(LABELS)
    np.random.seed(3)
    assert _classes(LABELS, 4) == _classes(shuffled, 4)
    assert _classes(LABELS, 4) == _classes(np.arange(10), 4)
    assert len({tuple(sorted(_classes(LABELS, s))) for s in range(9)}) > 5


def test_names_of_classes():
    labels = ["b", "a", "c", "b", "d"]
    parts = split_classes(labels, [["b"], {"a", "d"}])
    assert [rows.tolist() for rows in parts] == [[0, 3], [1, 4]]
    parts = split_classes(np.array(labels), (np.array(["d", "c"]), ("a",)))
    assert [rows.tolist() for rows in parts] == [[2, 4], [1]]
    parts = split_classes([5, 6, 5, 9], [[5], np.array([9])])
    assert [rows.tolist() for rows in parts] == [[0, 2], [3]]


def test_drawers():
    drawers = np.tile(np.arange(20), 6)
    train, test = split_classes(drawers, (0.75, 0.25))
    assert (len(train), len(test)) == (90, 30)
    assert not set(drawers[train]) & set(drawers[test])


@pytest.mark.parametrize(
    "parts, seed, message",
    [
        ((0.9, 0.2), 0, "sum to 1 at most"),
        ((0.5, -0.1), 0, "positive fractions"),
        ((0.5, float("nan")), 0, "positive fractions"),
        ((0.99, 0.01), 0, "a class or more in each part, of 10 classes"),
        ((0.5, 0.5), -1, "a non-negative integer"),
        ((), 0, "at least one part"),
        ([[1], [2, 1]], 0, "Class 1 is in parts 0 and 1"),
        ([[1], []], 0, "a class or more in each part"),
        ([[1], [11]], 0, "names class 11, of which `labels` has no row"),
        ([[1], 0.5], 0, "fractions alone, or collections of names alone"),
        (["ab"], 0, "fractions alone, or collections of names alone"),
    ],
)
def test_bad_input(parts, seed, message):
    with pytest.raises(ValueError, match=message):
        split_classes(LABELS, parts, seed)


def test_an_unknown_name_brings_close_ones_but_not_all():
    labels = [f"Alphabet/character{number}" for number in range(900)]
    with pytest.raises(ValueError, match="900 classes, among") as caught:
        split_classes(labels, [["Alphabet/charakter7"]])
    assert "Alphabet/character7" in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "labels, message",
    [
        ([], "`labels` is empty"),
        (np.eye(3), "labels.argmax"),
        ([0.5, 1.0], "must be integers or strings"),
    ],
)
def test_bad_labels(labels, message):
    if isinstance(labels, list) and not labels:
        labels = np.zeros(0, int)
    with pytest.raises(ValueError, match=message):
        split_classes(labels, (0.5, 0.5))
