"""Labels in a column of text, block by block."""

import math

import numpy as np
import pytest

from keras_transfer.data import label_columns


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(" 3 ", 3.0), ("1e3", 1000.0), ("1_000", None), ("x", None), ("", None)],
)
def test_numbers(cell, expected):
    assert label_columns.number(cell, ("?",)) == expected


def test_missing_is_nan_also_where_it_is_a_number():
    assert math.isnan(label_columns.number(" -9 ", ("-9",)))


@pytest.mark.parametrize(
    ("blocks", "names", "labels"),
    [
        ([["b", "a "], ["a"]], ["a", "b"], [1, 0, 0]),
        ([["10", "9"], ["10"]], ["9", "10"], [1, 0, 1]),
        ([["10", "9"], ["x"]], ["10", "9", "x"], [0, 1, 2]),
    ],
    ids=["text", "numbers", "mixed"],
)
def test_classes_are_in_order(blocks, names, labels):
    column = label_columns.ClassColumn("y")
    for block in blocks:
        column.add(block)
    found, found_names = column.result()
    assert found_names == names and found.dtype == "int32"
    np.testing.assert_array_equal(found, labels)


def test_numbers_are_kept():
    column = label_columns.NumberColumn("y")
    column.add(["1.5", " 2"])
    column.add(["-3"])
    labels, names = column.result()
    assert names is None and labels.dtype == "float32"
    np.testing.assert_array_equal(labels, [1.5, 2, -3])


@pytest.mark.parametrize("kind", sorted(label_columns.LABEL_COLUMNS))
def test_a_missing_label_is_refused(kind):
    column = label_columns.LABEL_COLUMNS[kind]("y", ("?",))
    column.add(["1", "2"])
    with pytest.raises(ValueError, match="'y' has no label in row 4"):
        column.add(["3", "?"])


def test_text_is_no_number():
    with pytest.raises(ValueError, match="'x' in row 2, which is no number"):
        label_columns.NumberColumn("y").add(["3", "x"])


def test_too_many_classes_are_refused():
    column = label_columns.ClassColumn("price")
    with pytest.raises(ValueError, match="label_kind='number'"):
        column.add(map(str, range(label_columns.MOST_CLASSES + 1)))
