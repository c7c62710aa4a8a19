"""Folders of text files."""

import os
import pathlib

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer.data.class_folders import class_folders
from keras_transfer.data.path_batches import path_batches
from keras_transfer.data.splits import balanced_weights
from keras_transfer.data.splits import check_batches
from keras_transfer.data.splits import check_split
from keras_transfer.data.splits import held_out
from keras_transfer.data.text_records import SECONDS_WITHOUT_PROGRESS

_SUFFIX = ".txt"


class TextFolder:
    """Paths of texts and their labels; made by `text_folder`.

    Args:
        paths: Strings `(rows,)`.
        labels: int32 `(rows,)`, or `None`.
        class_names: Names by label, or `None`.
        is_held_out: Booleans `(rows,)`: which rows are for validation.

    Attributes:
        num_rows: Number of texts.
        counts: Dict from `"train"` and `"validation"` to numbers of texts.
        class_weight: Dict from class to weight, `n / (num_classes * n_c)` of
            the training texts, for `fit(class_weight=)`, or `None`.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import data
    >>> paths, none = np.array(["a/1.txt", "b/1.txt"]), np.zeros(2, bool)
    >>> folder = data.TextFolder(paths, np.array([0, 1]), ["a", "b"], none)
    >>> folder.num_rows, folder.class_weight
    (2, {0: 1.0, 1: 1.0})
    """

    def __init__(self, paths, labels, class_names, is_held_out):
        self.paths = paths
        self.labels = labels
        self.class_names = class_names
        self.num_rows = len(paths)
        self._held_out = is_held_out
        held = int(is_held_out.sum())
        self.counts = {"train": self.num_rows - held, "validation": held}
        self.class_weight = None
        if class_names is not None:
            self.class_weight = balanced_weights(
                labels[~is_held_out], len(class_names)
            )

    def batches(self, part, batch_size=32, shuffle=False, seed=None):
        """Streams a part, in the order of its paths or in a new one each time.

        Args:
            part: `"train"` or `"validation"`.
            batch_size: Texts per batch; the last batch may be smaller.
            shuffle: Whether to shuffle all texts, for training.
            seed: Non-negative integer, for orders that repeat.

        Returns:
            A `tf.data.Dataset` of `(texts, labels)`, strings `(rows,)` and
            int32 `(rows,)`, or of texts if there are no labels; it has the
            attribute `class_names`, and shuffled the variable `epoch`.

        Raises:
            ValueError: If the part is unknown or empty, or an argument is out
                of range.
        """
        check_batches(part, self.counts, batch_size, seed, "text_folder")
        chosen = self._held_out if part == "validation" else ~self._held_out
        rows = (self.paths[chosen],)
        if self.labels is not None:
            rows = *rows, self.labels[chosen]
        dataset = path_batches(rows, tf.io.read_file, batch_size, shuffle, seed)
        dataset.class_names = self.class_names
        return dataset


def text_folder(
    path, *, labelled=True, validation_split=0.0, seed=0, verbose=1
):
    """Finds, checks and splits the .txt files below a folder.

    As `keras.utils.text_dataset_from_directory`: with labels the folders in
    `path` are the classes, sorted by name, and a text is a whole file, at any
    depth below. Each file is read once here, so that one that is empty or not
    UTF-8 is found before training, and again in each epoch; only paths are in
    memory. In each class the share `validation_split` is held out, by `seed`.
    Hidden files and folders are ignored.

        texts = kt.data.text_folder("aclImdb/train", validation_split=0.2)
        vectorize = keras.layers.TextVectorization(20_000)
        vectorize.adapt(texts.batches("train").map(lambda text, _: text))

    Bad at: millions of small files, which are slow to open; put one text on a
    line and take `text_lines`.

    Args:
        path: The folder.
        labelled: Whether the folders in it are classes.
        validation_split: Share to hold out, at least 0 and below 1.
        seed: Non-negative integer that decides the split.
        verbose: 0 for no progress bar, which else shows after a second.

    Returns:
        A `TextFolder` with `batches`, `paths`, `labels`, `class_names`,
        `class_weight`, `num_rows`.

    Raises:
        ValueError: If there is no such folder, no text, only one class, a
            class without texts, or a file that is empty or not UTF-8.

    Example:

    >>> import pathlib
    >>> import keras_transfer as kt
    >>> for name, text in {"bad": "dull", "good": "fine"}.items():
    ...     pathlib.Path("reviews", name).mkdir(parents=True)
    ...     _ = pathlib.Path("reviews", name, "1.txt").write_text(text)
    >>> reviews = kt.data.text_folder("reviews")
    >>> reviews.class_names
    ['bad', 'good']
    >>> for texts, labels in reviews.batches("train"):
    ...     print(texts.numpy(), labels.numpy())
    [b'dull' b'fine'] [0 1]
    """
    check_split(validation_split, seed)
    if not os.path.isdir(path):
        raise invalid_argument(
            "path", str(path), "the path of an existing folder"
        )
    class_names = class_folders(path, "path", "1.txt") if labelled else None
    groups = [_texts(pathlib.Path(path, name)) for name in class_names or [""]]
    paths = np.array([str(file) for group in groups for file in group])
    labels = np.repeat(
        np.arange(len(groups), dtype="int32"), [*map(len, groups)]
    )
    _check_texts(paths, verbose)
    is_held_out = held_out(labels, validation_split, seed)
    labels = labels if labelled else None
    return TextFolder(paths, labels, class_names, is_held_out)


def _texts(folder):
    """Paths of the texts below a folder, sorted."""
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() == _SUFFIX
        and not any(p[0] == "." for p in file.relative_to(folder).parts)
        and file.is_file()
    )
    if not found:
        raise ValueError(
            f"No texts in the folder {str(folder)!r}. Expected files that end "
            f"in {_SUFFIX}."
        )
    return found


def _check_texts(paths, verbose):
    """Refuses a file that is empty or not UTF-8."""
    for path in tqdm(
        paths,
        "Checking texts",
        unit=" files",
        disable=not verbose,
        delay=SECONDS_WITHOUT_PROGRESS,
    ):
        content = pathlib.Path(path).read_bytes()
        if not content.strip():
            raise ValueError(
                f"{str(path)!r} is empty. Remove the file, or write its text."
            )
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{str(path)!r} is not UTF-8: byte {content[error.start]:#x} "
                f"at position {error.start}. Convert it, as with `iconv -f "
                "latin1 -t utf-8`."
            ) from error
