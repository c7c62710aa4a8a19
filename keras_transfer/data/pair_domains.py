"""Batches of two domains side by side."""

import math
import random

import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.data import checks
from keras_transfer.data.autotuning import without_autotuning
from keras_transfer.data.domain_dataset import DomainDataset

#: Rows that a shuffled `tf.data.Dataset` keeps in memory to draw from.
SHUFFLE_BUFFER = 4096


def pair_domains(
    source,
    target,
    batch_size=32,
    target_batch_size=None,
    shuffle=True,
    seed=None,
    *,
    source_map=None,
    target_map=None,
    steps_per_epoch=None,
):
    """Pairs batches of a labelled source with batches of a target.

    Yields `({"source": xs, "target": xt}, ys)`, or with weights
    `({"source": xs, "target": xt}, ys, weights)`, as `DomainAdaptation.fit`
    takes them. If the target has labels too, `ys` becomes
    `{"source": ys, "target": yt}`, for the methods that use some of them.

    An epoch sees every row of the longer domain at least once. Every batch is
    full: a domain that runs out begins again, in a new order. For arrays the
    order depends on `(seed, epoch)` alone, so that a resumed training sees
    what an unbroken one would have seen.

    Memory: arrays are kept once, in their own dtype; hand over integers and
    convert in `source_map`, `target_map` or the model.

    Args:
        source: `(x, y)`, `(x, y, sample_weight)`, or a `tf.data.Dataset` of
            such tuples. `x` is an array or a nest of arrays. Or a
            `DomainDataset`, whose rows are shuffled before they are decoded.
        target: `x`, `(x, y)`, or a dataset of either. `(x, None)` is `x`. The
            labels of a `DomainDataset` are left out: hand over its
            `.arrays()` or `.dataset` for a method that uses some of them.
        batch_size: Source rows per batch; `None` says that the datasets are
            batched already.
        target_batch_size: Target rows per batch, by default `batch_size`.
        shuffle: Whether to shuffle. For datasets that are not batched yet a
            buffer of 4096 rows, or of as many as the integer given here.
            Datasets that are batched are taken as they come.
        seed: Integer, for an order that repeats.
        source_map: Function of one batch, as for `tf.data.Dataset.map`:
            `x, y[, sample_weight]` to the same. For augmentation.
        target_map: The same for the target: `x` to `x`, or `x, y` to `x, y`.
        steps_per_epoch: Number of batches in an epoch, by default as many as
            the longer domain fills.

    Returns:
        A `tf.data.Dataset`. It is endless if the length of a dataset is not
        known and no `steps_per_epoch` is given.

    Raises:
        ValueError: If a domain is empty, holds NaN (arrays: with the row), or
            the arguments contradict each other.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> xs, ys, xt = np.zeros((8, 3)), np.arange(8), np.ones((6, 3))
    >>> pairs = kt.data.pair_domains((xs, ys), xt, batch_size=4, seed=0)
    >>> len(pairs)
    2
    >>> x, y = next(iter(pairs))
    >>> x["source"].shape, x["target"].shape, y.shape
    (TensorShape([4, 3]), TensorShape([4, 3]), TensorShape([4]))
    """
    _check_batch_sizes(source, target, batch_size, target_batch_size)
    if steps_per_epoch is not None and steps_per_epoch < 1:
        raise invalid_argument(
            "steps_per_epoch", steps_per_epoch, "a positive integer"
        )
    seed = random.randrange(2**31) if seed is None else seed
    streams = [
        _stream(domain, name, size, shuffle, [seed, index], function)
        for index, (domain, name, size, function) in enumerate(
            [
                (source, "source", batch_size, source_map),
                (target, "target", target_batch_size or batch_size, target_map),
            ]
        )
    ]
    lengths = [stream.length for stream in streams]
    steps = steps_per_epoch or (None if None in lengths else max(lengths))
    return _epochs_of(streams, steps)


class _ArrayStream:
    """Batches of a structure of arrays, in an order of (seed, epoch)."""

    def __init__(self, arrays, name, batch_size, shuffle, seed, function):
        arrays = tree.map_structure(np.asarray, arrays)
        self.rows = checks.num_rows(arrays, name)
        checks.check_finite(arrays, f"The {name} domain")
        # The pipeline runs on the host, on machines with a GPU too.
        with tf.device("CPU:0"):
            self.tensors = tree.map_structure(tf.convert_to_tensor, arrays)
        self.batch_size = batch_size
        self.length = math.ceil(self.rows / batch_size)
        self.shuffle = bool(shuffle)
        self.seed = seed
        self.function = function

    def batches(self, epoch, steps):
        if steps is not None:
            # One order covers the whole epoch.
            order = self._order(epoch, steps)
            dataset = tf.data.Dataset.from_tensor_slices(order)
        else:
            # The other domain's length is unknown: pass after pass.
            dataset = tf.data.Dataset.counter().flat_map(
                lambda index: tf.data.Dataset.from_tensor_slices(
                    self._order(epoch + index, self.length)
                )
            )
        return dataset.map(
            self._take, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _order(self, epoch, steps):
        """Row numbers of an epoch, shape `(steps, batch_size)`."""
        needed = steps * self.batch_size
        passes = math.ceil(needed / self.rows)
        if self.shuffle:
            seed = tf.stack(
                [
                    tf.cast(self.seed[0], tf.int64) * 2 + self.seed[1],
                    tf.cast(epoch, tf.int64),
                ]
            )
            keys = tf.random.stateless_uniform([passes, self.rows], seed)
            order = tf.argsort(keys, axis=1)
        else:
            order = tf.tile(tf.range(self.rows)[None], [passes, 1])
        order = tf.reshape(order, [-1])[:needed]
        return tf.reshape(order, [steps, self.batch_size])

    def _take(self, rows):
        batch = tree.map_structure(
            lambda tensor: tf.gather(tensor, rows), self.tensors
        )
        return batch if self.function is None else self.function(*batch)


class _DatasetStream:
    """Batches of a `tf.data.Dataset`, checked as they come."""

    def __init__(
        self, dataset, name, batch_size, shuffle, seed, function, load=None
    ):
        if next(iter(dataset.take(1)), None) is None:
            raise ValueError(
                f"The {name} domain is empty. Expected at least one row."
            )
        length = int(dataset.cardinality())
        self.length = length if length >= 0 else None
        if batch_size is not None:
            if shuffle:
                buffer = SHUFFLE_BUFFER if shuffle is True else int(shuffle)
                dataset = dataset.shuffle(buffer, seed=sum(seed))
            if load is not None:
                # Not before: the buffer would hold decoded rows.
                dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
            # Batched after repeating, so that every batch is full.
            dataset = dataset.repeat().batch(batch_size, drop_remainder=True)
            if self.length is not None:
                self.length = math.ceil(self.length / batch_size)
        else:
            dataset = dataset.repeat()
        if not isinstance(dataset.element_spec, tuple):
            dataset = dataset.map(lambda x: (x,))
        if function is not None:
            dataset = dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE)
        self.dataset = dataset.map(
            lambda *batch: _assert_finite(batch, name),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    def batches(self, epoch, steps):
        if steps is None or self.length is None:
            return self.dataset
        # An epoch shorter than the dataset goes on where the last one ended.
        return self.dataset.skip(epoch * steps % self.length)


def _epochs_of(streams, steps):
    """The dataset of pairs; each pass through it is the next epoch."""
    with tf.device("CPU:0"):
        epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

    def one_epoch(_):
        # Reading and counting happens inside the pipeline, once for each
        # iterator; a trainer sets the variable at the begin of every epoch.
        now = epoch.read_value()
        epoch.assign_add(1)
        return tf.data.Dataset.zip(
            *(stream.batches(now, steps) for stream in streams)
        )

    paired = tf.data.Dataset.from_tensors(0).flat_map(one_epoch)
    if steps is not None:
        paired = paired.take(steps)
    paired = paired.map(_as_training_batch, num_parallel_calls=tf.data.AUTOTUNE)
    if steps is None:
        steps = tf.data.INFINITE_CARDINALITY
    paired = paired.apply(tf.data.experimental.assert_cardinality(steps))
    paired = without_autotuning(paired.prefetch(tf.data.AUTOTUNE))
    if all(isinstance(stream, _ArrayStream) for stream in streams):
        # Only then is an epoch a function of its number.
        paired.epoch = epoch
    return paired


def _stream(domain, name, batch_size, shuffle, seed, function):
    load = None
    if isinstance(domain, DomainDataset):
        domain, load = _stored_rows(domain, name == "source")
    is_dataset = isinstance(domain, tf.data.Dataset)
    parts = domain.element_spec if is_dataset else domain
    parts = parts if isinstance(parts, tuple) else (parts,)
    parts = tuple(part for part in parts if part is not None)
    if name == "source" and len(parts) < 2:
        raise ValueError(
            "The source domain needs labels. Expected source=(x, y) or (x, y, "
            "sample_weight). Received x alone."
        )
    most = {"source": 3, "target": 2}[name]
    if len(parts) > most:
        raise ValueError(
            f"The {name} domain is a tuple of at most {most}: x, y"
            f"{', sample_weight' * (most == 3)}. Received {len(parts)}."
        )
    if is_dataset:
        return _DatasetStream(
            domain, name, batch_size, shuffle, seed, function, load
        )
    inputs, *labels = parts
    # A list of inputs is several inputs; a list of numbers is a column.
    labels = [
        np.asarray(y) if isinstance(y, list) and np.ndim(y[:1]) == 1 else y
        for y in labels
    ]
    return _ArrayStream(
        (inputs, *labels), name, batch_size, shuffle, seed, function
    )


def _stored_rows(domain, labelled):
    """`(rows, load)` of a domain, arrays or rows that are not loaded yet."""
    if domain.in_memory:
        x, y = domain.arrays()
        return ((x, y) if labelled else x), None
    domain.check_shape("pair_domains()")
    if labelled:
        return domain.rows, domain.load
    load = domain.load or (lambda x, y: (x, y))
    return domain.rows, lambda x, y: load(x, y)[:1]


def _check_batch_sizes(source, target, batch_size, target_batch_size):
    for name, size in (
        ("batch_size", batch_size),
        ("target_batch_size", target_batch_size),
    ):
        if size is not None and (not isinstance(size, int) or size < 1):
            raise invalid_argument(name, size, "a positive integer or None")
    if batch_size is None:
        are_datasets = all(
            isinstance(domain, tf.data.Dataset) for domain in (source, target)
        )
        if target_batch_size is not None or not are_datasets:
            raise ValueError(
                "`batch_size=None` says that both domains are batched "
                "`tf.data.Dataset`s. Received: source of type "
                f"{type(source).__name__}, target of type "
                f"{type(target).__name__}, target_batch_size="
                f"{target_batch_size}."
            )


def _as_training_batch(source, target):
    """`((xs, ys[, w]), (xt[, yt]))` to what `fit` takes."""
    inputs, labels, *weights = source
    target, *target_labels = target if isinstance(target, tuple) else (target,)
    if target_labels:
        labels = {"source": labels, "target": target_labels[0]}
    return ({"source": inputs, "target": target}, labels, *weights)


def _assert_finite(batch, name):
    """The batch, with a check of its float tensors tied to it."""
    floats = [leaf for leaf in tree.flatten(batch) if leaf.dtype.is_floating]
    checks_of_batch = [
        tf.debugging.Assert(
            tf.reduce_all(tf.math.is_finite(leaf)),
            [f"The {name} domain has a NaN or infinite value in this batch."],
        )
        for leaf in floats
    ]
    with tf.control_dependencies(checks_of_batch):
        return tree.map_structure(tf.identity, batch)
