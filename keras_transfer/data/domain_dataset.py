"""A domain of a benchmark: its rows, classes and shape."""

import numbers

import numpy as np
import scipy.sparse
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data.array_rows import batches_of_arrays
from keras_transfer.data.array_rows import checked_arrays
from keras_transfer.data.array_rows import dense_row_of
from keras_transfer.data.autotuning import without_autotuning
from keras_transfer.data.image_sizes import checked_size
from keras_transfer.data.image_sizes import resized
from keras_transfer.data.subset import subset_rows

#: Rows that `batches` keeps in memory to draw from.
SHUFFLE_BUFFER = 4096

#: Rows of arrays that are converted at a time.
_BLOCK = 1024


class DomainDataset:
    """Labelled rows of one domain, from memory or streamed from disk.

    `kt.data.load` makes it; so does `DomainDataset((x, y))` from arrays and
    `DomainDataset(dataset)` from a `tf.data.Dataset` of single pairs `(x, y)`.
    `pair_domains`, `episodes` and `split_classes` take it as it is.

    Streamed rows are read, decoded and resized when they are needed: memory
    does not grow with the domain, but for one integer a row if labels are
    asked for. Arrays are kept in their own dtype; `prepared` makes new ones.

    Bad at: drawing a few rows of a large streamed domain, which is read to
    its end every time. A `subset` of it skips the other rows undecoded, which
    is quicker than to decode them, but no index.

    Args:
        rows: Arrays `(x, y)`, where `x` may be sparse, or a `tf.data.Dataset`
            of unbatched `(x, y)` that ends.
        name: Name of the domain, such as `"office31/amazon"`.
        split: Name of the part, such as `"train"`.
        class_names: Names of the classes by label, or `None`.
        load: Function of one `(x, y)` of a `tf.data.Dataset` to the row that
            the model is to see, such as one that decodes.

    Attributes:
        name: Name of the domain.
        split: Name of the part.
        class_names: Tuple of names by label, or `None`.
        rows: The rows as they are stored, before `load`.
        load: Function from a stored row to the one that is seen, or `None`.
        in_memory: Whether the rows are arrays.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> x, y = np.zeros((30, 16, 16, 1), "uint8"), np.repeat([0, 1, 2], 10)
    >>> domain = kt.data.DomainDataset((x, y), "scans", class_names="abc")
    >>> domain
    <DomainDataset scans: 30 rows of (16, 16, 1) uint8, 3 classes>
    >>> small = domain.subset(classes=["a", "c"], per_class=4)
    >>> len(small), small.prepared(size=28, channels=3).shape
    (8, (28, 28, 3))
    >>> images, labels = next(iter(small.batches(8)))
    >>> labels.numpy()
    array([0, 0, 0, 0, 2, 2, 2, 2])
    """

    def __init__(self, rows, name="", split="", class_names=None, load=None):
        self.in_memory = not isinstance(rows, tf.data.Dataset)
        if self.in_memory:
            rows = checked_arrays(rows, load)
        else:
            _check_dataset(rows)
        self.rows = rows
        self.name = name
        self.split = split
        self.class_names = None if class_names is None else tuple(class_names)
        self.load = load
        self._labels = None
        if self.in_memory:
            self._labels = rows[1]
            self._check_labels()

    @property
    def dataset(self):
        """`tf.data.Dataset` of the rows `(x, y)`, one at a time."""
        if not self.in_memory:
            if self.load is None:
                return self.rows
            return self.rows.map(self.load, num_parallel_calls=tf.data.AUTOTUNE)
        x, y = self.rows
        with tf.device("CPU:0"):
            if scipy.sparse.issparse(x):
                rows = tf.data.Dataset.range(len(y))
                return rows.map(
                    dense_row_of(x, y), num_parallel_calls=tf.data.AUTOTUNE
                )
            return tf.data.Dataset.from_tensor_slices((x, y))

    @property
    def shape(self):
        """Shape of one `x`; `None` where it differs from row to row."""
        if self.in_memory:
            return tuple(self.rows[0].shape[1:])
        return tuple(self.dataset.element_spec[0].shape)

    @property
    def dtype(self):
        """Name of the dtype of `x`."""
        if self.in_memory:
            return self.rows[0].dtype.name
        return self.dataset.element_spec[0].dtype.name

    @property
    def num_rows(self):
        """Number of rows."""
        return len(self)

    def __len__(self):
        if self.in_memory:
            return self.rows[0].shape[0]
        size = int(self.rows.cardinality())
        # A dataset that cannot say is counted once, undecoded.
        return size if size >= 0 else len(self.labels())

    def labels(self):
        """Labels of all rows, without loading what they belong to.

        Returns:
            int64 array `(rows,)`.
        """
        if self._labels is None:
            labels = self.rows.map(lambda _, y: y)
            self._labels = np.array(list(labels.as_numpy_iterator()), "int64")
            self._check_labels()
        return self._labels

    def named_labels(self):
        """Names of the classes of all rows, or labels if there are no names.

        Returns:
            Array `(rows,)` of strings or int64.
        """
        labels = self.labels()
        if self.class_names is None:
            return labels
        return np.asarray(self.class_names)[labels]

    def arrays(self):
        """All of the domain in memory.

        Returns:
            `(x, y)`: `x` in its dtype, sparse rows made dense, and int64
            labels.

        Raises:
            ValueError: If the rows differ in shape.
        """
        if self.in_memory:
            x, y = self.rows
            return (x.toarray() if scipy.sparse.issparse(x) else x), y
        self.check_shape("arrays()")
        batches = self.dataset.batch(_BLOCK).as_numpy_iterator()
        x, y = zip(*batches, strict=True)
        return np.concatenate(x), np.concatenate(y).astype("int64")

    def batches(self, batch_size=32, seed=None):
        """Streams batches `(x, y)` for `fit`, `evaluate` and `predict`.

        Args:
            batch_size: Rows per batch; the last may be smaller.
            seed: Integer to shuffle by, with another order each time the
                dataset is iterated. Arrays are shuffled as a whole, streamed
                rows through a buffer of 4,096 that are not decoded yet.
                `None` keeps the order.

        Returns:
            A `tf.data.Dataset`. For shuffled arrays its variable `epoch` is
            the number of the order that comes next.

        Raises:
            ValueError: If the rows differ in shape or `batch_size` is not a
                positive integer.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise invalid_argument(
                "batch_size", batch_size, "a positive integer"
            )
        self.check_shape("batches()")
        if self.in_memory:
            return batches_of_arrays(*self.rows, batch_size, seed)
        dataset = self.rows
        if seed is not None:
            dataset = dataset.shuffle(SHUFFLE_BUFFER, seed=seed)
        if self.load is not None:
            # Not before: the buffer would hold decoded rows.
            dataset = dataset.map(
                self.load, num_parallel_calls=tf.data.AUTOTUNE
            )
        dataset = dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)
        return without_autotuning(dataset)

    def prepared(self, size=None, channels=None):
        """The same images in another size and number of channels.

        What two domains need to fit one model: USPS is `(16, 16, 1)`, SVHN
        `(32, 32, 3)`. Bilinear, smoothed where an image shrinks; grey repeats
        to colour, colour becomes luma. Integers stay integers, rounded.

        Args:
            size: `(height, width)`, or one number for both.
            channels: 1 or 3.

        Returns:
            A `DomainDataset`.

        Raises:
            ValueError: If rows are no images or an argument is out of range.
        """
        size = checked_size(size)
        if channels not in (None, 1, 3):
            raise invalid_argument("channels", channels, "1, 3 or None")
        if size is None and channels is None:
            return self
        if len(self.shape) != 3:
            raise ValueError(
                f"Only images can be prepared; rows of {self} have shape "
                f"{self.shape}. Expected (height, width, channels)."
            )
        if self.in_memory:
            x, y = self.rows
            return self._copy((_resized_blocks(x, size, channels), y))
        before = self.load or (lambda x, y: (x, y))

        def load(x, y):
            x, y = before(x, y)
            return resized(x, size, channels), y

        return self._copy(self.rows, load)

    def subset(self, classes=None, per_class=None, imbalance=None, seed=0):
        """Some classes, and so many rows of each; as `kt.data.subset`.

        Args:
            classes: Labels or names of classes, by default all.
            per_class: Rows to keep of each class.
            imbalance: Ratio of the largest to the smallest class.
            seed: Non-negative integer that decides which rows are kept.

        Returns:
            A `DomainDataset`; labels keep their values.

        Raises:
            ValueError: As `kt.data.subset`.
        """
        if classes is not None:
            classes = [self._label(name) for name in classes]
        return self.taken(
            subset_rows(self.labels(), classes, per_class, imbalance, seed)
        )

    def taken(self, kept):
        """The rows of the given numbers; streamed ones keep their order.

        Args:
            kept: Integers, ascending where the rows are streamed.

        Returns:
            A `DomainDataset`. What is left out is not decoded.
        """
        if self.in_memory:
            x, y = self.rows
            return self._copy((x[kept], y[kept]))
        is_kept = np.zeros(len(self.labels()), dtype=bool)
        is_kept[kept] = True
        with tf.device("CPU:0"):
            is_kept = tf.constant(is_kept)
        rows = self.rows.enumerate()
        rows = rows.filter(lambda number, _: is_kept[number])
        rows = rows.map(lambda _, row: row)
        rows = rows.apply(tf.data.experimental.assert_cardinality(len(kept)))
        part = self._copy(rows, self.load)
        part._labels = self.labels()[kept]
        return part

    def _check_labels(self):
        if not len(self._labels):
            raise ValueError(
                f"The domain {self.name!r} is empty. Expected at least one row."
            )
        if self.class_names is None:
            return
        least, most = self._labels.min(), self._labels.max()
        if least < 0 or most >= len(self.class_names):
            raise ValueError(
                f"{len(self.class_names)} class names are for labels 0 to "
                f"{len(self.class_names) - 1}. Received: labels from {least} "
                f"to {most}."
            )

    def _copy(self, rows, load=None):
        part = DomainDataset(
            rows, self.name, self.split, self.class_names, load
        )
        if not part.in_memory:
            part._labels = self._labels
        return part

    def _label(self, name):
        if not isinstance(name, str):
            if isinstance(name, numbers.Integral):
                return int(name)
            raise invalid_argument("classes", name, "labels or class names")
        if self.class_names is None:
            raise ValueError(
                f"{self} has no class names. Give `classes` as integers."
            )
        if name not in self.class_names:
            raise unknown_name("classes", name, self.class_names)
        return self.class_names.index(name)

    def check_shape(self, purpose):
        """Refuses rows that cannot be batched.

        Args:
            purpose: What comes next, as the error says it.

        Raises:
            ValueError: If the rows differ in shape.
        """
        if None in self.shape:
            raise ValueError(
                f"Rows of {self} differ in shape. Call .prepared(size=(height,"
                f" width)) before {purpose}."
            )

    def __repr__(self):
        name = " ".join(part for part in (self.name, self.split) if part)
        # To count rows is to read them, which printing should not do.
        is_known = self.in_memory or self.rows.cardinality() >= 0
        count = len(self) if is_known else "?"
        classes = self.class_names
        classes = f", {len(classes)} classes" if classes else ""
        return (
            f"<DomainDataset {name or 'without name'}: {count} rows of "
            f"{self.shape} {self.dtype}{classes}>"
        )


def _check_dataset(dataset):
    spec = dataset.element_spec
    is_pair = isinstance(spec, tuple) and len(spec) == 2
    if not is_pair or getattr(spec[1], "shape", None) != ():
        raise ValueError(
            "The dataset must give single pairs (x, y) with a scalar label. "
            f"Received: {spec}. Undo batches with `.unbatch()`."
        )
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "The dataset has no end. Leave out `.repeat()`, or end it with "
            "`.take(number)`."
        )


def _resized_blocks(x, size, channels):
    """Arrays in a new size, a block at a time."""
    first = resized(x[:1], size, channels)
    images = np.empty((len(x), *first.shape[1:]), x.dtype)
    for start in range(0, len(x), _BLOCK):
        block = slice(start, start + _BLOCK)
        images[block] = resized(x[block], size, channels)
    return images
