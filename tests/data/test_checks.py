import numpy as np
import pytest

from keras_transfer.data import checks


def test_number_of_rows_is_common():
    arrays = {"a": np.zeros((5, 2)), "b": (np.zeros(5), np.zeros((5, 1, 1)))}
    assert checks.num_rows(arrays, "source") == 5


@pytest.mark.parametrize("arrays", [np.zeros((0, 3)), np.float32(1.0)])
def test_empty_arrays_are_refused(arrays):
    with pytest.raises(ValueError, match="The source domain is empty"):
        checks.num_rows(arrays, "source")


def test_numbers_of_rows_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"target domain.*rows.*\[4, 5\]"):
        checks.num_rows((np.zeros((5, 2)), np.zeros(4)), "target")


@pytest.mark.parametrize("row", [0, 7, 4095, 4096, 5000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_bad_row_is_named(row, bad):
    x = np.zeros((6000, 2, 2))
    x[row, 1, 0] = bad
    x[5999] = bad
    with pytest.raises(ValueError, match=f"target domain.* in row {row}\\."):
        checks.check_finite(x, "The target domain")


def test_bad_rows_are_found_in_every_array_of_a_nest():
    with pytest.raises(ValueError, match="in row 1"):
        checks.check_finite(
            (np.zeros((3, 2)), {"w": np.array([0.0, np.nan, 0.0])}), "Rows"
        )


def test_integers_and_strings_are_not_looked_at():
    checks.check_finite((np.arange(3), np.array(["a", "b", "c"])), "Rows")


def test_labels_are_integers_or_strings():
    assert checks.checked_labels([3, 1]).tolist() == [3, 1]
    assert checks.checked_labels(["a", "b"]).tolist() == ["a", "b"]
    for labels, message in (
        ([0.5, 1.0], "must be integers or strings"),
        ([[0, 1]], "must have one axis"),
    ):
        with pytest.raises(ValueError, match=message):
            checks.checked_labels(labels)
