"""Tables in CSV files, with missing values."""

import itertools
import re

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data.label_columns import LABEL_COLUMNS
from keras_transfer.data.label_columns import MISSING
from keras_transfer.data.label_columns import number
from keras_transfer.data.row_stream import AbstractRowStream
from keras_transfer.data.splits import check_split
from keras_transfer.data.text_records import SECONDS_WITHOUT_PROGRESS
from keras_transfer.data.text_records import csv_rows


class CsvTable(AbstractRowStream):
    """A CSV file with its columns; made by `csv_table`.

    Args:
        path: The file.
        num_rows: Number of its rows.
        labels: int32 or float32 `(rows,)`, or `None`.
        class_names: Names by label, or `None` if labels are no classes.
        numeric: Names of the columns of numbers.
        categorical: Names of the columns of categories.
        missing: Cells that stand for a missing value.
        delimiter: Character between the cells.
        validation_split: Share to hold out, of each class.
        seed: Non-negative integer that decides which rows.

    Attributes:
        class_weight: Dict from class to weight, `n / (num_classes * n_c)` of
            the training rows, for `fit(class_weight=)`, or `None`.
        counts: Dict from `"train"` and `"validation"` to numbers of rows.

    Example:

    >>> import pathlib
    >>> from keras_transfer import data
    >>> _ = pathlib.Path("t.csv").write_text("age,job\\n31,A\\n,B\\n")
    >>> table = data.CsvTable("t.csv", 2, None, None, ["age"], ["job"])
    >>> table.arrays()["age"]
    array([31., nan], dtype=float32)
    """

    maker = "csv_table"

    def __init__(
        self,
        path,
        num_rows,
        labels,
        class_names,
        numeric,
        categorical,
        missing=MISSING,
        delimiter=",",
        validation_split=0.0,
        seed=0,
    ):
        super().__init__(
            path, num_rows, labels, class_names, validation_split, seed
        )
        self.numeric = list(numeric)
        self.categorical = list(categorical)
        self.missing = tuple(missing)
        self.delimiter = delimiter

    @property
    def columns(self):
        """Names of the numeric columns, then of the categorical ones."""
        return [*self.numeric, *self.categorical]

    @property
    def signature(self):
        """Dict of `tf.TensorSpec`: float32 and string, `(rows,)`."""
        return {
            name: tf.TensorSpec(
                (None,), tf.float32 if name in self.numeric else tf.string
            )
            for name in self.columns
        }

    def inputs(self):
        """Keras inputs of the columns, for a functional model of raw rows.

        Returns:
            Dict from the names to `keras.Input` of one value a row, float32
            (NaN where it is missing) and string (empty where it is).
        """
        return {
            name: keras.Input(
                (),
                dtype="float32" if name in self.numeric else "string",
                name=name,
            )
            for name in self.columns
        }

    def blocks(self, rows):
        """Reads the file from its beginning.

        Args:
            rows: Most rows of a block.

        Yields:
            Dicts from the names to arrays `(rows,)`: float32 with NaN, and
            Python strings, empty where a value is missing.
        """
        first = 1
        for columns in _blocks(self.path, self.delimiter, rows):
            block = {}
            for name in self.numeric:
                block[name] = self._numbers(name, columns[name], first)
            for name in self.categorical:
                block[name] = _translated(columns[name], self._text, object)
            first += len(next(iter(columns.values())))
            yield block

    def _text(self, cell):
        cell = cell.strip()
        return "" if cell in self.missing else cell

    def _numbers(self, name, cells, first):
        def read(cell):
            value = number(cell, self.missing)
            if value is None:
                raise ValueError(
                    f"Column {name!r} of {str(self.path)!r} is to be numeric "
                    f"and has {cell.strip()!r} in row "
                    f"{first + cells.index(cell)}. Name the column in "
                    "`categorical`, or the cell in `missing`."
                )
            return value

        return _translated(cells, read, "float32")


def csv_table(
    path,
    label=None,
    numeric=None,
    categorical=None,
    missing=MISSING,
    *,
    ignore=(),
    label_kind="class",
    delimiter=",",
    validation_split=0.0,
    seed=0,
    verbose=1,
):
    """Reads what is in a CSV file, and streams its rows as `tf.data`.

    A column whose cells are all numbers or missing is numeric, any other is
    categorical. Rows become dicts from the names of the columns to float32,
    with NaN for a missing number, and to strings, empty for a missing one.
    In names all signs but ASCII letters, digits and underscores become
    underscores, so that the columns can be the inputs of a served model.

    `TablePreparation` makes features of them inside the model, so that the
    model that is served takes raw rows too:

        table = kt.data.csv_table("credit.csv", "class", validation_split=0.3)
        preparation = kt.data.TablePreparation()
        preparation.adapt(table.batches("train"))
        inputs = table.inputs()
        x = keras.layers.Dense(32, "relu")(preparation(inputs))
        model = keras.Model(inputs, keras.layers.Dense(2)(x))
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
        model.fit(
            table.batches("train", shuffle=True, seed=0),
            validation_data=table.batches("validation"),
            epochs=10,
            shuffle=False,  # only spares Keras' warning about datasets
        )

    The file is read once here for types and labels and again in each epoch;
    in memory are the labels, five bytes a row, and a block of rows. In each
    class the share `validation_split` is held out, by `seed`.

    Bad at: numbers that are names, as postcodes, which look numeric (name them
    in `categorical` or `ignore`); integers above 2^24, which float32 rounds;
    dates and free text; speed, as Python reads the file in each epoch, some
    ten thousand rows of 20 columns a second: give `fit` the `arrays` of a
    small table that trains for long.

    Args:
        path: A .csv or .csv.gz file in UTF-8, whose first line names the
            columns.
        label: Name of the column to predict, or `None`.
        numeric: Names of columns to read as numbers, whatever is found.
        categorical: Names of columns to read as categories.
        missing: Cells that stand for a missing value, after spaces at both
            ends are cut.
        ignore: Names of columns to leave out.
        label_kind: `"class"` numbers the values of the label, in the order of
            the numbers or of the alphabet; `"number"` takes them as float32.
        delimiter: Character between the cells.
        validation_split: Share to hold out, at least 0 and below 1.
        seed: Non-negative integer that decides the split.
        verbose: 0 for no progress bar, which else shows after a second.

    Returns:
        A `CsvTable` with `batches`, `arrays`, `inputs`, `numeric`,
        `categorical`, `labels`, `class_names`, `class_weight`, `num_rows`.

    Raises:
        ValueError: If the file cannot be read, a column does not exist or is
            not what it is said to be, a label is missing, or an argument is
            out of range.

    Example:

    >>> import pathlib
    >>> import keras_transfer as kt
    >>> rows = "age,job,ill\\n31,clerk,no\\n?,nurse,yes\\n58,,no\\n"
    >>> _ = pathlib.Path("patients.csv").write_text(rows)
    >>> table = kt.data.csv_table("patients.csv", label="ill")
    >>> table.numeric, table.categorical, table.class_names
    (['age'], ['job'], ['no', 'yes'])
    >>> x, y = next(iter(table.batches("train")))
    >>> x["age"].numpy(), y.numpy()
    (array([31., nan, 58.], dtype=float32), array([0, 1, 0], dtype=int32))
    """
    check_split(validation_split, seed)
    if label_kind not in LABEL_COLUMNS:
        raise unknown_name("label_kind", label_kind, LABEL_COLUMNS)
    if isinstance(missing, str):
        raise invalid_argument("missing", missing, "a sequence of strings")
    given = _given(numeric, categorical, ignore, label)
    columns = _checked_columns(path, delimiter, given)
    found = None
    if label is not None:
        found = LABEL_COLUMNS[label_kind](_name(label), missing)
    is_number, num_rows = _scan(
        path, delimiter, columns, given, missing, found, verbose
    )
    labels, class_names = (None, None) if found is None else found.result()
    return CsvTable(
        path,
        num_rows,
        labels,
        class_names,
        *_features(path, is_number, given),
        missing,
        delimiter,
        validation_split,
        seed,
    )


def _features(path, is_number, given):
    """Names of the numeric columns, and of the categorical ones."""
    others = given["label"] + given["ignore"]
    features = [name for name in is_number if name not in others]
    if not features:
        raise ValueError(
            f"{str(path)!r} has no column besides the label and those in "
            "`ignore`. Expected at least one."
        )
    return (
        [name for name in features if is_number[name]],
        [name for name in features if not is_number[name]],
    )


def _given(numeric, categorical, ignore, label):
    """Lists of names of columns by what the user says of them."""
    return {
        "numeric": _names("numeric", numeric),
        "categorical": _names("categorical", categorical),
        "ignore": _names("ignore", ignore),
        "label": [] if label is None else [_name(label)],
    }


def _names(argument, names):
    if names is None:
        return []
    if isinstance(names, str):
        raise invalid_argument(argument, names, f"a list, as [{names!r}]")
    return [_name(name) for name in names]


def _checked_columns(path, delimiter, given):
    """Names of all columns; refuses names in `given` that are not there."""
    rows = csv_rows(path, delimiter)
    header = next(rows)
    rows.close()
    columns = {}
    for written in header:
        name = _name(written)
        if name in columns:
            raise ValueError(
                f"The columns {columns[name]!r} and {written!r} would both be "
                f"called {name!r}. Rename one of them."
            )
        columns[name] = written
    seen = {}
    for argument, names in given.items():
        for name in names:
            if name not in columns:
                raise unknown_name(argument, name, columns)
            if name in seen:
                raise ValueError(
                    f"Column {name!r} is named in `{seen[name]}` and in "
                    f"`{argument}`. Name it once."
                )
            seen[name] = argument
    return list(columns)


def _name(written):
    """A name that Keras and TensorFlow serve as it is."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", written.strip())
    return f"_{name}" if name[0].isdigit() else name


def _blocks(path, delimiter, rows):
    """Blocks of rows as dicts from the columns to tuples of cells."""
    records = csv_rows(path, delimiter)
    names = [_name(written) for written in next(records)]
    while block := list(itertools.islice(records, rows)):
        yield dict(zip(names, zip(*block, strict=True), strict=True))


def _translated(cells, function, dtype):
    """A function of each cell, called once for each that differs."""
    values = {cell: function(cell) for cell in dict.fromkeys(cells)}
    return np.array([values[cell] for cell in cells], dtype)


def _scan(path, delimiter, columns, given, missing, labels, verbose):
    """Which columns are numbers, and the number of rows; collects labels."""
    is_number = {name: name not in given["categorical"] for name in columns}
    said = {*given["categorical"], *given["numeric"], *given["ignore"]}
    is_open = [name for name in columns if name not in said]
    num_rows = 0
    with tqdm(
        desc="Reading the table",
        unit=" rows",
        disable=not verbose,
        delay=SECONDS_WITHOUT_PROGRESS,
    ) as progress:
        for block in _blocks(path, delimiter, 4096):
            for name in tuple(is_open):
                cells = set(block[name])
                if any(number(cell, missing) is None for cell in cells):
                    is_number[name] = False
                    is_open.remove(name)
            if labels is not None:
                labels.add(block[labels.name])
            size = len(block[columns[0]])
            num_rows += size
            progress.update(size)
    if not num_rows:
        raise ValueError(
            f"{str(path)!r} has names of columns and no row. Expected at "
            "least one."
        )
    return is_number, num_rows
