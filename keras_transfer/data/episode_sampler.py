"""Draws batches of episodes inside a `tf.data` pipeline."""

import tensorflow as tf
from keras import tree

#: Turns by 0, 90, 180 and 270 degrees.
NUM_TURNS = 4


class EpisodeSampler:
    """A function from `(epoch, step)` to a batch of episodes.

    It uses stateless random operations only, so that equal numbers give equal
    episodes, in whatever order and on however many threads they are drawn.

    Args:
        examples: The `ClassExamples` to draw from.
        ways: `(low, high)`, numbers of classes in an episode.
        shots: `(low, high)`, numbers of support examples of a class.
        queries: Number of query examples of a class.
        tasks: Number of episodes in a batch.
        rotations: Whether turned classes are classes of their own.
        seed: Non-negative integer.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.class_examples import class_examples
    >>> from keras_transfer.data.episode_sampler import EpisodeSampler
    >>> examples = class_examples(np.zeros((9, 5)), np.arange(9) % 3)
    >>> sampler = EpisodeSampler(examples, (2, 2), (1, 1), 2, 6, False, 0)
    >>> x, y = sampler(epoch=0, step=0)
    >>> x["support"].shape, y["query"].numpy()[0]
    (TensorShape([6, 2, 5]), array([0, 0, 1, 1], dtype=int32))
    """

    def __init__(self, examples, ways, shots, queries, tasks, rotations, seed):
        self.ways = ways
        self.shots = shots
        self.queries = queries
        self.tasks = tasks
        self.turns = NUM_TURNS if rotations else 1
        self.num_classes = len(examples.counts) * self.turns
        self.load = examples.load
        # The pipeline runs on the host, on machines with a GPU too.
        with tf.device("CPU:0"):
            self.seed = tf.constant([seed, 0], tf.int64)
            self.rows = tree.map_structure(tf.convert_to_tensor, examples.rows)
            self.order = tf.constant(examples.order, tf.int64)
            self.counts = tf.constant(examples.counts, tf.int64)
            self.firsts = tf.cumsum(self.counts, exclusive=True)

    @property
    def is_balanced(self):
        """Whether all episodes have equally many examples of each class."""
        return self.ways[0] == self.ways[1] and self.shots[0] == self.shots[1]

    def __call__(self, epoch, step):
        seed = tf.random.fold_in(tf.random.fold_in(self.seed, epoch), step)
        seeds = tf.unstack(tf.random.split(seed, 4))
        classes = distinct(
            tf.fill([self.tasks], tf.constant(self.num_classes, tf.int64)),
            self.ways[1],
            seeds[0],
        )
        classes, turns = classes // self.turns, classes % self.turns
        counts = tf.gather(self.counts, classes)
        picks = distinct(counts, self.queries + self.shots[1], seeds[1])
        # A pick of -1 is padding, blanked below; it reads some row till then.
        places = tf.gather(self.firsts, classes)[..., None]
        rows = tf.gather(self.order, places + tf.maximum(picks, 0))
        # Queries come first: all have them, whatever the number of shots.
        rows = {
            "support": rows[..., self.queries :],
            "query": rows[..., : self.queries],
        }
        used = self._used(counts, seeds[2:])
        return (
            {
                name: self._examples(rows[name], turns, used[name])
                for name in rows
            },
            {name: self._labels(used[name]) for name in rows},
        )

    def _used(self, counts, seeds):
        """Which rows are no padding: `(tasks, ways, shots or queries)`."""
        num_ways = _between(*self.ways, [self.tasks, 1], seeds[0])
        way = tf.range(self.ways[1], dtype=tf.int64) < num_ways
        most = tf.minimum(counts - self.queries, self.shots[1])
        num_shots = _between(self.shots[0], most, counts.shape, seeds[1])
        shot = tf.range(self.shots[1], dtype=tf.int64) < num_shots[..., None]
        return {
            "support": way[..., None] & shot,
            "query": tf.repeat(way[..., None], self.queries, axis=-1),
        }

    def _examples(self, rows, turns, used):
        """The examples of row numbers `(tasks, ways, number)`."""
        number = rows.shape[-1]
        flat = tf.reshape(rows, [-1])
        examples = tree.map_structure(
            lambda stored: tf.gather(stored, flat), self.rows
        )
        if self.load is not None:
            examples = self.load(examples)
        if self.turns > 1:
            turns = tf.reshape(tf.repeat(turns, number, axis=1), [-1])
            turns = tf.cast(turns, tf.int32)
            examples = tree.map_structure(
                lambda images: turned(images, turns), examples
            )
        if not self.is_balanced:
            examples = tree.map_structure(
                lambda leaf: _blanked(leaf, tf.reshape(used, [-1])), examples
            )
        return tree.map_structure(
            lambda leaf: tf.reshape(
                leaf, [self.tasks, self.ways[1] * number, *leaf.shape[1:]]
            ),
            examples,
        )

    def _labels(self, used):
        labels = tf.where(used, tf.range(self.ways[1])[:, None], -1)
        return tf.reshape(labels, [self.tasks, -1])


def distinct(counts, number, seed):
    """Draws numbers without replacement, in random order.

    Takes time that depends on `number` and not on the counts: Floyd's
    algorithm, then a shuffle.

    Args:
        counts: int64 tensor of any shape.
        number: How many to draw for each count.
        seed: Seed of two integers, for stateless random operations.

    Returns:
        int64 tensor `(*counts.shape, number)`. Those of a count `n` are
        different numbers from 0 to `n - 1`, each subset and order equally
        likely; where `n` is less than `number`, -1 follows after the `n`.

    Example:

    >>> import tensorflow as tf
    >>> from keras_transfer.data.episode_sampler import distinct
    >>> drawn = distinct(tf.constant([3, 1], tf.int64), 2, seed=[0, 0]).numpy()
    >>> drawn.shape, drawn[1]
    ((2, 2), array([ 0, -1]))
    """
    for_values, for_order = tf.unstack(tf.random.split(seed, 2))
    shape = [*counts.shape, number]
    chances = tf.random.stateless_uniform(shape, for_values, dtype=tf.float64)
    places = tf.range(number)

    def draw_one(place, values):
        # The largest number that may be drawn now; each round allows one more.
        largest = counts - number + tf.cast(place, tf.int64)
        chance = tf.gather(chances, place, axis=-1)
        value = tf.cast(chance * tf.cast(largest + 1, tf.float64), tf.int64)
        is_taken = tf.reduce_any(values == value[..., None], axis=-1)
        value = tf.where(is_taken, largest, value)
        value = tf.where(largest < 0, tf.constant(-1, tf.int64), value)
        return place + 1, tf.where(places == place, value[..., None], values)

    _, values = tf.while_loop(
        lambda place, _: place < number,
        draw_one,
        (0, tf.fill(shape, tf.constant(-1, tf.int64))),
    )
    keys = tf.random.stateless_uniform(
        shape, for_order, minval=None, maxval=None, dtype=tf.int64
    )
    keys = tf.where(values < 0, tf.int64.max, keys)
    return tf.gather(values, tf.argsort(keys), batch_dims=len(shape) - 1)


def turned(images, turns):
    """Turns each image by a multiple of 90 degrees, as `numpy.rot90` does.

    Args:
        images: Tensor `(rows, side, side)` or `(rows, side, side, channels)`.
        turns: int32 tensor `(rows,)` of 0, 1, 2 or 3 turns to the left.

    Returns:
        A tensor like `images`.

    Example:

    >>> import tensorflow as tf
    >>> from keras_transfer.data.episode_sampler import turned
    >>> turned(tf.constant([[[1, 2], [3, 4]]]), [1]).numpy().tolist()
    [[[2, 4], [1, 3]]]
    """
    # Whole images are moved twice; it is quicker than to pick their pixels.
    none, left, half, right = tf.dynamic_partition(images, turns, NUM_TURNS)
    places = tf.dynamic_partition(tf.range(tf.size(turns)), turns, NUM_TURNS)
    axes = [0, 2, 1, 3][: images.shape.rank]
    stitched = tf.dynamic_stitch(
        places,
        [
            none,
            tf.reverse(tf.transpose(left, axes), [1]),
            tf.reverse(half, [1, 2]),
            tf.reverse(tf.transpose(right, axes), [2]),
        ],
    )
    return tf.ensure_shape(stitched, images.shape)


def _between(low, high, shape, seed):
    """Integers from `low` to `high`, both included; `high` may be a tensor."""
    chance = tf.random.stateless_uniform(shape, seed, dtype=tf.float64)
    span = tf.cast(high - low + 1, tf.float64)
    return low + tf.cast(chance * span, tf.int64)


def _blanked(leaf, used):
    """The rows that are used; zeros, or empty strings, in place of others."""
    used = tf.reshape(used, [-1, *[1] * (leaf.shape.rank - 1)])
    return tf.where(used, leaf, tf.zeros_like(leaf))
