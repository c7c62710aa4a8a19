"""Labels in a column of text, block by block."""

import math

import numpy as np

#: Cells that stand for a missing value.
MISSING = ("", "?", "NA", "NaN")
#: More classes are taken for a mistake.
MOST_CLASSES = 1000


def number(cell, missing):
    """A cell as a float, NaN if it is missing, `None` if it is no number."""
    cell = cell.strip()
    if cell in missing:
        return math.nan
    # Python reads 1_000 as a number.
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


class ClassColumn:
    """Numbers the values of a column.

    Args:
        name: Name of the column.
        missing: Cells that stand for a missing value, which are refused.
    """

    def __init__(self, name, missing=("",)):
        self.name = name
        self._missing = missing
        self._numbers = {}
        self._codes = []
        self._rows = 0

    def add(self, cells):
        """Takes the cells of a block, strings."""
        cells = [cell.strip() for cell in cells]
        _check_present(cells, self._missing, self.name, self._rows)
        numbers = self._numbers
        codes = [numbers.setdefault(cell, len(numbers)) for cell in cells]
        self._codes.append(np.array(codes, "int32"))
        self._rows += len(cells)
        if len(numbers) > MOST_CLASSES:
            raise ValueError(
                f"Column {self.name!r} has more than {MOST_CLASSES} values, "
                "too many for classes. For a number to predict pass "
                "label_kind='number'."
            )

    def result(self):
        """What was found.

        Returns:
            `(labels, class_names)`: int32 `(rows,)`, and the values in the
            order of the numbers if all are such, else of the alphabet.
        """
        values = {name: number(name, ()) for name in self._numbers}
        if None in values.values():
            names = sorted(values)
        else:
            names = sorted(values, key=lambda name: (values[name], name))
        places = np.empty(len(names), "int32")
        for place, name in enumerate(names):
            places[self._numbers[name]] = place
        return places[np.concatenate(self._codes)], names


class NumberColumn:
    """Reads a column of numbers to predict.

    Args:
        name: Name of the column.
        missing: Cells that stand for a missing value, which are refused.
    """

    def __init__(self, name, missing=("",)):
        self.name = name
        self._missing = missing
        self._blocks = []
        self._rows = 0

    def add(self, cells):
        """Takes the cells of a block, strings."""
        cells = [cell.strip() for cell in cells]
        _check_present(cells, self._missing, self.name, self._rows)
        found = [number(cell, ()) for cell in cells]
        if None in found:
            row = found.index(None)
            raise ValueError(
                f"Column {self.name!r} has {cells[row]!r} in row "
                f"{self._rows + row + 1}, which is no number. Pass "
                "label_kind='class' for classes."
            )
        self._blocks.append(np.array(found, "float32"))
        self._rows += len(cells)

    def result(self):
        """What was found: float32 `(rows,)`, and `None` for class names."""
        return np.concatenate(self._blocks), None


LABEL_COLUMNS = {"class": ClassColumn, "number": NumberColumn}


def _check_present(cells, missing, name, rows):
    for row, cell in enumerate(cells):
        if cell in missing:
            raise ValueError(
                f"Column {name!r} has no label in row {rows + row + 1}. Take "
                "rows without one out of the file, or name another label."
            )
