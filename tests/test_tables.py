"""Tables in plain text."""

import pytest

from keras_transfer import _tables


def test_text_is_left_and_numbers_are_right():
    rows = [["a", 0.5, "1,200"], ["longer", -0.25, "-"]]
    assert _tables.lines(["name", "score", "count"], rows) == [
        "name     score  count",
        "------  ------  -----",
        "a        0.500  1,200",
        "longer  -0.250      -",
    ]


@pytest.mark.parametrize("cell", ["nan", "-", "+7", "2,257,984", 1e-9])
def test_what_counts_as_a_number(cell):
    assert _tables.lines(["wide header"], [[cell]])[2].startswith("  ")


@pytest.mark.parametrize("cell", ["1.2.3", "--", "v1"])
def test_what_is_text(cell):
    assert _tables.lines(["wide header"], [[cell]])[2] == cell


def test_a_table_without_rows_is_its_header():
    assert _tables.lines(["a", "bc"], []) == ["a  bc", "-  --"]
