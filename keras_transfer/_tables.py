"""Tables in plain text."""

import re

#: A cell in a column of numbers, as 7, -0.250, 2,257,984, nan or unknown.
_NUMBER = re.compile(r"-|[+-]?(\d[\d,]*(\.\d+)?|nan|inf)")


def lines(headers, rows):
    """The lines of a table: text to the left, numbers to the right.

    A column is of numbers if every cell below its header is one, or "-" for
    a number that is not known.

    Args:
        headers: List of strings.
        rows: List of lists of cells; floats get three digits.

    Returns:
        List of strings: headers, a rule, and one for each row.
    """
    cells = [list(headers), *([_cell(c) for c in row] for row in rows)]
    columns = [_aligned(column) for column in zip(*cells, strict=True)]
    head, *body = [
        "  ".join(row).rstrip() for row in zip(*columns, strict=True)
    ]
    rule = "  ".join("-" * len(column[0]) for column in columns)
    return [head, rule, *body]


def _cell(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _aligned(column):
    """The cells of a column, header first, all of one width."""
    width = max(map(len, column))
    is_numbers = all(_NUMBER.fullmatch(cell) for cell in column[1:])
    align = str.rjust if is_numbers else str.ljust
    return [align(cell, width) for cell in column]
