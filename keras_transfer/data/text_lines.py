"""Files with one text a row."""

import csv
import itertools
import json
import pathlib

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data.label_columns import ClassColumn
from keras_transfer.data.row_stream import AbstractRowStream
from keras_transfer.data.splits import check_split
from keras_transfer.data.text_records import SECONDS_WITHOUT_PROGRESS
from keras_transfer.data.text_records import csv_rows
from keras_transfer.data.text_records import opened


class TextLines(AbstractRowStream):
    """A file of texts; made by `text_lines`.

    Args:
        path: The file.
        num_rows: Number of its texts.
        labels: int32 `(rows,)`, or `None`.
        class_names: Names by label, or `None`.
        text: Name of the column or key of the text; for lines any.
        label: Name of the column or key of the label, or `None`.
        validation_split: Share to hold out, of each class.
        seed: Non-negative integer that decides which rows.

    Attributes:
        class_weight: Dict from class to weight, `n / (num_classes * n_c)` of
            the training rows, for `fit(class_weight=)`, or `None`.
        counts: Dict from `"train"` and `"validation"` to numbers of rows.

    Example:

    >>> import pathlib
    >>> from keras_transfer import data
    >>> _ = pathlib.Path("lines.txt").write_text("one\\ntwo\\n")
    >>> lines = data.TextLines("lines.txt", 2, None, None)
    >>> lines.arrays().tolist()
    ['one', 'two']
    """

    maker = "text_lines"

    def __init__(
        self,
        path,
        num_rows,
        labels,
        class_names,
        text="text",
        label=None,
        validation_split=0.0,
        seed=0,
    ):
        super().__init__(
            path, num_rows, labels, class_names, validation_split, seed
        )
        self.text = text
        self.label = label

    @property
    def signature(self):
        """`tf.TensorSpec` of a block: strings `(rows,)`."""
        return tf.TensorSpec((None,), tf.string)

    def blocks(self, rows):
        """Reads the file from its beginning.

        Args:
            rows: Most rows of a block.

        Yields:
            Arrays of Python strings `(rows,)`.
        """
        pairs = _pairs(self.path, self.text, self.label)
        while block := list(itertools.islice(pairs, rows)):
            yield np.array([text for text, _ in block], dtype=object)


def text_lines(
    path,
    label="label",
    text="text",
    *,
    validation_split=0.0,
    seed=0,
    verbose=1,
):
    """Reads a file with one text a row, and streams it as `tf.data`.

    The kind of the file is told by the end of its name, before .gz if it is
    packed:

    - .txt: a text on each line; empty lines are left out. There are no labels,
      so that `label=None` has to be said.
    - .csv and .tsv: a table whose first line names the columns. In a .tsv file
      quotes are signs as any other.
    - .jsonl: on each line a JSON object.

    The file is read once here, for its labels, and again in each epoch; in
    memory are the labels, five bytes a row, and a block of rows. In each class
    the share `validation_split` is held out, by `seed`.

        reviews = kt.data.text_lines("books.jsonl.gz", validation_split=0.2)
        model.fit(
            reviews.batches("train", shuffle=True, seed=0),
            validation_data=reviews.batches("validation"),
            shuffle=False,  # only spares Keras' warning about datasets
        )

    Bad at: files of many rows that are sorted by class (see `batches`); labels
    that are numbers to predict, for which there is `csv_table`.

    Args:
        path: The file, in UTF-8.
        label: Name of the column or key of the label; `None` for none.
        text: Name of the column or key of the text.
        validation_split: Share to hold out, at least 0 and below 1.
        seed: Non-negative integer that decides the split.
        verbose: 0 for no progress bar, which else shows after a second.

    Returns:
        A `TextLines` with `batches`, `arrays`, `labels`, `class_names`,
        `class_weight`, `num_rows`. Classes are in the order of the numbers if
        all labels are such, else of the alphabet.

    Raises:
        ValueError: If the file cannot be read, is empty, is not UTF-8 or of
            another kind, or a row lacks its text or its label.

    Example:

    >>> import pathlib
    >>> import keras_transfer as kt
    >>> rows = "label\\ttext\\ngood\\tA fine book.\\nbad\\tDull.\\n"
    >>> _ = pathlib.Path("books.tsv").write_text(rows)
    >>> books = kt.data.text_lines("books.tsv")
    >>> for texts, labels in books.batches("train"):
    ...     print(texts.numpy(), labels.numpy())
    [b'A fine book.' b'Dull.'] [1 0]
    """
    check_split(validation_split, seed)
    kind = _kind(path)
    if kind is _lines and label is not None:
        raise invalid_argument(
            "label", label, "None", "The lines of a .txt file have no labels."
        )
    classes = None if label is None else ClassColumn(label)
    pairs = _pairs(path, text, label)
    num_rows = 0
    with tqdm(
        desc="Reading texts",
        unit=" rows",
        disable=not verbose,
        delay=SECONDS_WITHOUT_PROGRESS,
    ) as progress:
        while block := list(itertools.islice(pairs, 4096)):
            if classes is not None:
                classes.add([label for _, label in block])
            num_rows += len(block)
            progress.update(len(block))
    if not num_rows:
        raise ValueError(f"{str(path)!r} has no text. Expected at least one.")
    labels, names = (None, None) if classes is None else classes.result()
    return TextLines(
        path, num_rows, labels, names, text, label, validation_split, seed
    )


def _pairs(path, text, label):
    """All `(text, label)` of a file, stripped; the label may be `None`."""
    for place, found, name in _kind(path)(path, text, label):
        found = found.strip()
        if not found:
            raise ValueError(
                f"{place} of {str(path)!r} has no text. Take such rows out."
            )
        yield found, name


def _lines(path, text, label):
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"Line {number}", line, None


def _table(path, text, label, **options):
    rows = csv_rows(path, **options)
    columns = [name.strip() for name in next(rows)]
    for argument, name in (("text", text), ("label", label)):
        if name not in columns and name is not None:
            raise unknown_name(argument, name, columns)
    place = columns.index(text)
    labels = None if label is None else columns.index(label)
    for number, row in enumerate(rows, 1):
        name = None if labels is None else row[labels]
        yield f"Row {number}", row[place], name


def _tabbed(path, text, label):
    return _table(path, text, label, delimiter="\t", quoting=csv.QUOTE_NONE)


def _objects(path, text, label):
    keys = [text] if label is None else [text, label]
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = f"Line {number}"
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"{place} of {str(path)!r} is no JSON: {error}."
                ) from error
            if not isinstance(record, dict) or any(
                not isinstance(record.get(key), str | int) for key in keys
            ):
                raise ValueError(
                    f"{place} of {str(path)!r} must be an object with "
                    f"{' and '.join(map(repr, keys))}, strings or integers. "
                    f"Received: {line.strip()[:80]}"
                )
            name = None if label is None else str(record[label])
            yield place, str(record[text]), name


_KINDS = {
    ".txt": _lines,
    ".csv": _table,
    ".tsv": _tabbed,
    ".jsonl": _objects,
}


def _kind(path):
    """The reader of a file."""
    suffixes = [suffix.lower() for suffix in pathlib.Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    kind = _KINDS.get(suffixes[-1] if suffixes else "")
    if kind is None:
        raise invalid_argument(
            "path",
            str(path),
            f"a file that ends in {', '.join(_KINDS)}, or in that and .gz",
        )
    return kind
