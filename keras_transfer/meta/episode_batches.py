"""Episodes on their way into a trainer."""

import numbers

import numpy as np
import tensorflow as tf
from keras import tree
from tqdm import tqdm

from keras_transfer._public import invalid_argument

_PARTS = {"support", "query"}


def is_episodes(x):
    """Whether `x` is a dict of exactly `support` and `query`."""
    return isinstance(x, dict) and set(x) == _PARTS


def check(x, y):
    """Raises unless `(x, y)` are batches of episodes (tensors or specs)."""
    if not is_episodes(x) or not is_episodes(y):
        raise ValueError(
            "A few-shot trainer takes episodes, ({'support', 'query'}, "
            "{'support', 'query'}). Make them with "
            "keras_transfer.data.episodes(images, labels, ways=5, shots=1). "
            f"Received: {_described((x, y))}"
        )
    for part in sorted(_PARTS):
        labels = tf.TensorShape(y[part].shape)
        for leaf in tree.flatten(x[part]):
            rows = tf.TensorShape(leaf.shape)
            if rows.rank == 0 or not labels[:2].is_compatible_with(rows[:2]):
                raise ValueError(
                    f"The {part} of episodes needs examples (tasks, rows, ...) "
                    f"and labels (tasks, rows). Received: {rows} and {labels}."
                )


def check_classes(y):
    """Raises unless labels are those of classes, which have an upper bound."""
    for part in sorted(_PARTS):
        labels = y[part]
        if labels.shape.rank not in (2, None) or not labels.dtype.is_integer:
            raise ValueError(
                "Labels of episodes are integers (tasks, rows), not one-hot. "
                f"Received: {part} labels of shape {tuple(labels.shape)} and "
                f"dtype {labels.dtype.name}."
            )
    if y["support"].shape.rank is None or y["support"].shape[1] is None:
        raise ValueError(
            "The number of support rows must be known before the data are: "
            "as many classes there can be. Give the dataset an "
            "`element_spec` with it (tf.ensure_shape), and pad variable "
            "episodes with rows of the label -1, as data.episodes does."
        )


def check_dataset(data, argument):
    """Raises unless a dataset holds batches of episodes, before training."""
    if not isinstance(data, tf.data.Dataset):
        raise invalid_argument(
            argument,
            type(data).__name__,
            "a tf.data.Dataset of episodes",
            "Make one with keras_transfer.data.episodes(images, labels, "
            "ways=5, shots=1).",
        )
    spec = data.element_spec
    check(*_pair(spec))


def first_steps(episodes, number):
    """The first batches of each epoch of `data.episodes`."""
    if number > len(episodes):
        raise ValueError(
            f"An epoch of these episodes has {len(episodes)} steps, fewer "
            f"than steps_per_epoch={number}. Give data.episodes a larger "
            "steps_per_epoch, and fit none."
        )
    return episodes.take(number)


def fold_tasks(rows):
    """`(tasks, rows, ...)` to `(tasks * rows, ...)`, leaf by leaf."""

    def fold(leaf):
        shape = tf.shape(leaf)
        number = leaf.shape[0] * leaf.shape[1] if _known(leaf) else -1
        folded = tf.reshape(leaf, tf.concat([[number], shape[2:]], 0))
        return tf.ensure_shape(folded, [None, *leaf.shape[2:]])

    return tree.map_structure(fold, rows)


def unfold_tasks(rows, tasks):
    """`(tasks * rows, ...)` to `(tasks, rows, ...)`."""
    shape = tf.concat([[tasks, tf.shape(rows)[0] // tasks], rows.shape[1:]], 0)
    return tf.reshape(rows, shape)


def draw(episodes, num_episodes, verbose):
    """Batches of episodes until there are as many as asked for.

    A dataset of `data.episodes` begins with its epoch 0 and goes on with the
    next one; the number of its epoch is afterwards what it was.

    Args:
        episodes: A dataset, or another iterable of batches.
        num_episodes: Positive integer.
        verbose: Whether a bar is shown.

    Yields:
        `(x, y)`; the last batch is cut.

    Raises:
        ValueError: If there are not so many.
    """
    if not isinstance(num_episodes, numbers.Integral) or num_episodes < 1:
        raise invalid_argument("num_episodes", num_episodes, "1 or more")
    epoch = getattr(episodes, "epoch", None)
    before = None if epoch is None else epoch.numpy()
    drawn = 0
    try:
        if epoch is not None:
            epoch.assign(0)
        with tqdm(
            total=num_episodes, unit="episode", disable=not verbose
        ) as bar:
            while drawn < num_episodes:
                for batch in episodes:
                    x, y = _pair(batch)
                    check(x, y)
                    rows = len(y["query"])
                    take = min(rows, num_episodes - drawn)
                    if take < rows:
                        x, y = tree.map_structure(lambda t: t[:take], (x, y))  # noqa: B023
                    yield x, y
                    drawn += take
                    bar.update(take)
                    if drawn == num_episodes:
                        return
                if epoch is None:
                    raise ValueError(
                        f"There are only {drawn} episodes, fewer than "
                        f"num_episodes={num_episodes}. Lower it, or give "
                        "data.episodes a larger steps_per_epoch."
                    )
    finally:
        if epoch is not None:
            epoch.assign(before)


def mean_of_each_task(values, labels):
    """Mean of `(tasks, rows)` over the rows whose label is not padding."""
    valid = tf.cast(labels >= 0, values.dtype)
    return tf.math.divide_no_nan(
        tf.reduce_sum(values * valid, -1), tf.reduce_sum(valid, -1)
    )


def to_float64(values):
    return np.concatenate(values).astype("float64")


def _pair(batch):
    is_pair = isinstance(batch, tuple | list) and len(batch) == 2
    return batch if is_pair else (batch, ())


def _known(leaf):
    return None not in (leaf.shape[0], leaf.shape[1])


def _described(structure):
    return tree.map_structure(
        lambda leaf: (
            f"array {tuple(leaf.shape)}"
            if isinstance(leaf, np.ndarray | tf.Tensor | tf.TensorSpec)
            else repr(leaf)
        ),
        structure,
    )
