"""Rows of a file that is larger than memory."""

import abc
import random

import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.data.autotuning import without_autotuning
from keras_transfer.data.splits import balanced_weights
from keras_transfer.data.splits import check_batches
from keras_transfer.data.splits import held_out

#: Rows that are read at a time, and from which a shuffled batch is drawn.
BLOCK_ROWS = 1024
BUFFER_ROWS = 16_384


class AbstractRowStream(abc.ABC):
    """A file of rows of which only labels and a block of rows are in memory.

    Args:
        path: The file.
        num_rows: Number of its rows.
        labels: int32 or float32 `(rows,)`, or `None`.
        class_names: Names by label, or `None` if labels are no classes.
        validation_split: Share to hold out, of each class.
        seed: Non-negative integer that decides which rows.
    """

    #: Name of the function that makes such an object.
    maker = None

    def __init__(
        self, path, num_rows, labels, class_names, validation_split, seed
    ):
        self.path = path
        self.num_rows = num_rows
        self.labels = labels
        self.class_names = class_names
        groups = np.zeros(num_rows, "int8") if class_names is None else labels
        self._held_out = held_out(groups, validation_split, seed)
        self.class_weight = None
        if class_names is not None:
            self.class_weight = balanced_weights(
                labels[~self._held_out], len(class_names)
            )

    @abc.abstractmethod
    def blocks(self, rows):
        """Reads the file from its beginning.

        Args:
            rows: Most rows of a block.

        Yields:
            Nests of arrays `(rows, ...)`, without the labels.
        """

    @property
    @abc.abstractmethod
    def signature(self):
        """Nest of `tf.TensorSpec` of a block."""

    @property
    def counts(self):
        """Number of rows of each part, as a dict."""
        held = int(self._held_out.sum())
        return {"train": self.num_rows - held, "validation": held}

    def batches(
        self,
        part,
        batch_size=32,
        shuffle=False,
        seed=None,
        buffer_rows=BUFFER_ROWS,
    ):
        """Streams a part, in the order of the file or shuffled.

        With `shuffle` each `buffer_rows` rows of the file get a new order,
        which depends on `seed` and on how often the dataset was iterated
        before, and on nothing else. Rows stay in their stretch of the file:
        shuffle a longer file that is sorted before you use it.

        Args:
            part: `"train"` or `"validation"`.
            batch_size: Rows per batch; the last batch may be smaller.
            shuffle: Whether to shuffle, for training.
            seed: Non-negative integer, for orders that repeat.
            buffer_rows: Rows in memory from which to draw.

        Returns:
            A `tf.data.Dataset` of `(x, labels)`, or of `x` where there are no
            labels, with the attribute `class_names`. Shuffled, its variable
            `epoch` is the number of the order that comes next.

        Raises:
            ValueError: If the part is unknown or empty, or an argument is out
                of range.
        """
        check_batches(part, self.counts, batch_size, seed, self.maker)
        if not isinstance(buffer_rows, int) or buffer_rows < 1:
            raise invalid_argument(
                "buffer_rows", buffer_rows, "a positive integer"
            )
        seed = random.randrange(2**31) if seed is None else seed
        with tf.device("CPU:0"):
            epoch = tf.Variable(0, dtype=tf.int64, trainable=False)

        def generate():
            if not shuffle:
                return self._part(part, BLOCK_ROWS)
            now = int(epoch)
            epoch.assign_add(1)
            generator = np.random.default_rng([seed, now])
            return self._shuffled(part, buffer_rows, generator)

        signature = self.signature
        if self.labels is not None:
            kind = tf.as_dtype(self.labels.dtype)
            signature = signature, tf.TensorSpec((None,), kind)
        dataset = tf.data.Dataset.from_generator(
            generate, output_signature=signature
        )
        count = -(-self.counts[part] // batch_size)
        dataset = dataset.rebatch(batch_size).apply(
            tf.data.experimental.assert_cardinality(count)
        )
        dataset = without_autotuning(dataset.prefetch(tf.data.AUTOTUNE))
        dataset.class_names = self.class_names
        if shuffle:
            dataset.epoch = epoch
        return dataset

    def arrays(self, part="train"):
        """The whole of a part in memory.

        Args:
            part: `"train"` or `"validation"`.

        Returns:
            `(x, labels)`, or `x` where there are no labels; strings are
            arrays of Python strings.

        Raises:
            ValueError: If the part is unknown or empty.
        """
        check_batches(part, self.counts, 1, None, self.maker)
        blocks = list(self._part(part, BUFFER_ROWS))
        return tree.map_structure(lambda *b: np.concatenate(b), *blocks)

    def _shuffled(self, part, rows, generator):
        for block in self._part(part, rows):
            yield _taken(block, generator.permutation(_length(block)))

    def _part(self, part, rows):
        """Blocks of a part, `(x, labels)` or `x`, none of them empty."""
        wanted = self._held_out if part == "validation" else ~self._held_out
        start = 0
        for block in self.blocks(rows):
            kept = np.flatnonzero(wanted[start : start + _length(block)])
            labels = self.labels
            if labels is not None:
                labels = labels[start : start + _length(block)]
                block = block, labels
            start += _length(block)
            if start > self.num_rows:
                break
            if len(kept):
                yield _taken(block, kept)
        if start != self.num_rows:
            raise ValueError(
                f"{str(self.path)!r} has no longer the {self.num_rows} rows "
                f"it had when {self.maker} read it first. Call it again."
            )


def _length(block):
    return len(tree.flatten(block)[0])


def _taken(block, rows):
    return tree.map_structure(lambda leaf: leaf[rows], block)
