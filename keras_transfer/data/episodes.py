"""Episodes of few-shot learning."""

import random

import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer.data.autotuning import without_autotuning
from keras_transfer.data.class_examples import MEMORY_LIMIT
from keras_transfer.data.class_examples import class_examples
from keras_transfer.data.episode_sampler import NUM_TURNS
from keras_transfer.data.episode_sampler import EpisodeSampler


def episodes(
    images,
    labels=None,
    ways=5,
    shots=1,
    queries=15,
    tasks=32,
    rotations=False,
    seed=0,
    *,
    steps_per_epoch=100,
    fixed=False,
    example_map=None,
    memory_limit=MEMORY_LIMIT,
):
    """Draws batches of small classification tasks from a labelled data set.

    Yields `({"support": xs, "query": xq}, {"support": ys, "query": yq})`. With
    `W` ways, `S` shots and `Q` queries the shapes are

        xs (tasks, W * S, ...)    ys (tasks, W * S), int32
        xq (tasks, W * Q, ...)    yq (tasks, W * Q), int32

    In an episode classes are drawn without replacement and numbered 0 to
    `W - 1` in random order; of each class examples are drawn without
    replacement, so that support and query share none. Rows come class after
    class: labels are 0, 0, ..., 1, 1, .... Examples keep their dtype.

    `ways` and `shots` may be ranges. The number of ways is then drawn for each
    episode, the number of shots for each class in it, evenly, and at most so
    many that `Q` examples are left for the query. Shapes are those of the
    largest numbers: row `w * S + s` is shot `s` of way `w`. Rows that are not
    used are zeros (strings: empty) and have the label -1.

    What is drawn depends on `(seed, epoch, step)` alone. The variable `epoch`
    of the dataset is the number of the epoch that comes next; a training that
    is resumed assigns it at the begin of an epoch. With `fixed=True`, for
    evaluation, every epoch is the epoch 0, and there is no such variable.

    Memory: arrays are kept once, in their own dtype. A `tf.data.Dataset`, or a
    `DomainDataset` that streams, is read once, when `episodes` is called, and
    gathered in memory. Images of an `ImageFolder` are decoded each time they
    are drawn, which is slow; a folder that fits into memory is better loaded
    before, and an uint8 copy is a quarter of the size:

        folder = kt.data.image_folder("photos", (84, 84))
        images = folder.load(folder.train.paths).numpy().astype("uint8")
        train = kt.data.episodes(images, folder.train.labels)

    Note: Meta-Dataset draws shots in proportion to the sizes of the classes,
    and its number of queries is smaller for small classes. Here shots are
    drawn evenly, and `queries` is one number.

    Note: `rotations` makes classes, as in the Omniglot experiments of matching
    and prototypical networks: a class and its turned copy may meet in one
    episode. It suits characters. An upright and a turned photo of one thing
    have the same name to most people.

    Args:
        images: Array `(rows, ...)`, a list of examples, or a dict or tuple of
            arrays for a model of several inputs. Without `labels`: a mapping
            of the name of a class to its examples `(examples, ...)`, such as
            `dict(zip(names, array))` of an array `(classes, examples, ...)`;
            an `ImageFolder` (its `train` part); a `DomainDataset`, as
            `kt.data.load("omniglot")` gives; or a `tf.data.Dataset` of single
            pairs `(x, y)`.
        labels: Integers or strings `(rows,)`.
        ways: Number of classes in an episode, or `(low, high)`.
        shots: Number of support examples of a class, or `(low, high)`.
        queries: Number of query examples of a class.
        tasks: Number of episodes in a batch.
        rotations: Whether each class turned by 90, 180 and 270 degrees is a
            further class. For images `(side, side)` or `(side, side,
            channels)`.
        seed: Non-negative integer, or `None` for one at random.
        steps_per_epoch: Number of batches in an epoch.
        fixed: Whether every epoch has the same episodes.
        example_map: Function of a batch of examples, `(rows, ...)` to `(rows,
            ...)`, that runs in the pipeline before images are turned. It sees
            support and query apart. Loads paths, converts, augments.
        memory_limit: Bytes that a `tf.data.Dataset` may fill.

    Returns:
        A `tf.data.Dataset` of `steps_per_epoch` elements.

    Raises:
        ValueError: If there are too few classes, a class has too few examples,
            labels do not fit the images, a value is NaN or infinite, images to
            turn are not square, or an argument is out of range.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> images = np.zeros((60, 28, 28, 1), "uint8")
    >>> labels = np.repeat(["a", "b", "c"], 20)
    >>> train, test = kt.data.split_classes(labels, [["a", "b"], ["c"]])
    >>> episodes = kt.data.episodes(
    ...     images[train], labels[train], ways=5, tasks=4, rotations=True
    ... )
    >>> len(episodes)
    100
    >>> x, y = next(iter(episodes))
    >>> x["support"].shape, x["query"].shape
    (TensorShape([4, 5, 28, 28, 1]), TensorShape([4, 75, 28, 28, 1]))
    >>> y["support"][0].numpy()
    array([0, 1, 2, 3, 4], dtype=int32)

    Reference:

    - [Vinyals et al., 2016, Matching Networks for One Shot Learning, section
      4.1](https://arxiv.org/abs/1606.04080), for episodes and rotations
    - [Triantafillou et al., 2020, Meta-Dataset, section
      3.2](https://arxiv.org/abs/1903.03096), for variable ways and shots
    """
    ways = _range("ways", ways, least=2)
    shots = _range("shots", shots, least=1)
    for name, value in (
        ("queries", queries),
        ("tasks", tasks),
        ("steps_per_epoch", steps_per_epoch),
        ("memory_limit", memory_limit),
    ):
        if not is_integer(value, least=1):
            raise invalid_argument(name, value, "a positive integer")
    if seed is None:
        seed = random.randrange(2**31)
    elif not is_integer(seed, least=0):
        raise invalid_argument("seed", seed, "a non-negative integer or None")
    examples = class_examples(images, labels, memory_limit)
    _check_sizes(examples, ways, shots, queries, rotations)
    examples = examples._replace(
        load=_loading(examples, example_map, rotations)
    )
    sampler = EpisodeSampler(
        examples, ways, shots, queries, tasks, rotations, int(seed)
    )
    return _epochs_of(sampler, steps_per_epoch, fixed)


def _epochs_of(sampler, steps, fixed):
    """The dataset of batches; each pass through it is the next epoch."""
    with tf.device("CPU:0"):
        epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

    def steps_of_one_epoch(_):
        # Counted inside the pipeline, once for each iterator.
        now = epoch.read_value()
        epoch.assign_add(1)
        return tf.data.Dataset.range(steps).map(lambda step: (now, step))

    if fixed:
        numbers_of_steps = tf.data.Dataset.range(steps).map(
            lambda step: (tf.zeros_like(step), step)
        )
    else:
        numbers_of_steps = tf.data.Dataset.from_tensors(0).flat_map(
            steps_of_one_epoch
        )
    batches = numbers_of_steps.map(
        sampler, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    batches = without_autotuning(batches.prefetch(tf.data.AUTOTUNE))
    if not fixed:
        batches.epoch = epoch
    return batches


def _loading(examples, example_map, rotations):
    """The function from stored rows to examples, tried on one row.

    Errors of it, and images that cannot be turned, are so found at once.
    """
    functions = [f for f in (examples.load, example_map) if f is not None]

    def load(rows):
        for function in functions:
            rows = function(rows)
        return rows

    first = tree.map_structure(
        lambda leaf: tf.convert_to_tensor(leaf[:1]), examples.rows
    )
    loaded = tree.map_structure(tf.convert_to_tensor, load(first))
    for leaf in tree.flatten(loaded):
        if leaf.shape.rank == 0 or leaf.shape[0] != 1:
            raise ValueError(
                "`example_map` must return as many rows as it is given. "
                f"Received: shape {leaf.shape} for one row."
            )
        shape = leaf.shape[1:]
        if rotations and (shape.rank not in (2, 3) or shape[0] != shape[1]):
            raise invalid_argument(
                "rotations",
                rotations,
                f"False for examples of shape {tuple(shape)}",
                "Only square images (side, side) or (side, side, channels) "
                "can be turned: crop or resize them, or leave rotations out.",
            )
    if not functions:
        return None
    return lambda rows: tree.map_structure(
        lambda leaf, row: tf.ensure_shape(leaf, [None, *row.shape[1:]]),
        load(rows),
        loaded,
    )


def _check_sizes(examples, ways, shots, queries, rotations):
    counts = np.asarray(examples.counts)
    needed = shots[0] + queries
    smallest = int(counts.argmin())
    if counts[smallest] < needed:
        others = int((counts < needed).sum()) - 1
        others = f" ({others} more with too few)" if others else ""
        raise ValueError(
            f"Class {examples.names[smallest]!r} has {counts[smallest]} "
            f"examples, shots + queries = {needed}{others}. Lower `shots` or "
            "`queries`, or leave such classes out of `images` and `labels`."
        )
    available = len(counts) * (NUM_TURNS if rotations else 1)
    if ways[1] > available:
        rotated = f", {available} with rotations" if rotations else ""
        raise invalid_argument(
            "ways",
            ways if ways[0] < ways[1] else ways[1],
            f"at most the number of classes, which is {len(counts)}{rotated}",
        )


def _range(name, value, least):
    """`(low, high)` of a number or a range."""
    low_and_high = value if isinstance(value, tuple | list) else (value, value)
    is_right = (
        len(low_and_high) == 2
        and all(is_integer(bound, least) for bound in low_and_high)
        and low_and_high[0] <= low_and_high[1]
    )
    if not is_right:
        raise invalid_argument(
            name,
            value,
            f"an integer of at least {least}, or (low, high) of such",
        )
    return tuple(int(bound) for bound in low_and_high)
