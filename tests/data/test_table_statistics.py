"""Medians, scales and categories of a table that is seen once."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from keras_transfer.data import table_statistics
from keras_transfer.data.table_statistics import TableStatistics

MISSING = ("", "?")


def _collected(batches):
    found = TableStatistics(MISSING)
    for batch in batches:
        found.add(batch)
    return found.result(max_categories=9)


def _with_gaps(generator, rows=57, columns=4):
    table = 100 + 10 * generator.normal(size=(rows, columns))
    table[generator.random(table.shape) < 0.3] = np.nan
    table[:, 0] = np.nan_to_num(table[:, 0], nan=1.0)
    return table


@pytest.mark.parametrize("size", [1, 5, 57])
def test_numbers_are_those_of_scikit_learn(generator, size):
    table = _with_gaps(generator)
    found = _collected(
        table[start : start + size] for start in range(0, len(table), size)
    )
    imputer = SimpleImputer(strategy="median").fit(table)
    scaler = StandardScaler().fit(imputer.transform(table))
    np.testing.assert_array_equal(found["median"], imputer.statistics_)
    np.testing.assert_allclose(found["mean"], scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(found["variance"], scaler.var_, rtol=1e-9)
    assert found["has_gaps"] == [False, True, True, True]
    assert found["numeric"] is None and found["categorical"] == []


def test_categories_come_by_frequency_then_by_name():
    columns = [b"b", b" a", b"c ", b"b", b"?", b"c"]
    found = _collected(
        [
            {"job": np.array(columns[:2], object)},
            {"job": np.array(columns[2:], object)},
        ]
    )
    assert found["vocabularies"] == [["b", "c", "a"]]
    assert found["lacks_category"] == [True]
    assert found["categorical"] == ["job"] and found["numeric"] == []


def test_columns_are_told_by_their_dtype():
    found = _collected(
        [
            {
                "age": np.array([3, 5]),
                "job": np.array(["a", "a"]),
                "flag": np.array([True, False]),
                "size": np.array([[1.0], [np.nan]]),
            }
        ]
    )
    assert found["numeric"] == ["age", "flag", "size"]
    assert found["categorical"] == ["job"]
    assert found["median"] == [4.0, 0.5, 1.0]


def test_empty_and_constant_columns_are_left_as_they_are():
    found = _collected([np.array([[np.nan, 7.0], [np.nan, 7.0]])])
    assert found["median"] == [0.0, 7.0]
    assert found["mean"] == [0.0, 7.0]
    assert found["variance"] == [1.0, 1.0]


def test_a_large_offset_does_not_spoil_the_variance(generator):
    table = 1e7 + generator.normal(size=(4000, 1))
    found = _collected(np.array_split(table, 13))
    assert found["variance"][0] == pytest.approx(table.var(), rel=1e-6)


def test_the_median_of_many_rows_is_that_of_a_sample(generator, monkeypatch):
    monkeypatch.setattr(table_statistics, "SAMPLE_ROWS", 2000)
    table = generator.exponential(size=(20_000, 2))
    found = _collected(np.array_split(table, 7))
    # The share of rows below it is 1/2 up to about 4 standard errors.
    shares = (table < found["median"]).mean(axis=0)
    assert np.all(np.abs(shares - 0.5) < 4 * 0.5 / np.sqrt(2000))
    np.testing.assert_allclose(found["mean"], table.mean(axis=0))


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "no row to adapt to"),
        ([np.zeros((2, 0))], "has no columns"),
        ([np.zeros(3)], "numbers of shape"),
        ([np.array([["a"]])], "numbers of shape"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "4 after 3"),
        ([{"a": np.zeros((2, 2))}], "'a' must hold one number or string"),
        ([{"a": np.array([1.0, np.inf])}], "'a' has an infinite value"),
        ([np.array([[1.0, -np.inf]])], "Column 1 has an infinite value"),
    ],
    ids=[
        "nothing",
        "width",
        "axes",
        "strings",
        "columns",
        "shape",
        "infinite",
        "infinite_matrix",
    ],
)
def test_what_is_no_table_is_refused(batches, message):
    with pytest.raises(ValueError, match=message):
        _collected(batches)


def test_names_of_rows_are_refused(monkeypatch):
    monkeypatch.setattr(table_statistics, "MOST_CATEGORIES", 10)
    column = np.array([f"person {n}" for n in range(11)])
    with pytest.raises(ValueError, match="'who' has more than 10 values"):
        _collected([{"who": column}])
