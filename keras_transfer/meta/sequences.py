"""Episodes as sequences, in which labels come one step late."""

import tensorflow as tf
from keras import tree

from keras_transfer.meta import episode_batches


def joined(x, y, seed):
    """Support and query of each task as one sequence in random order.

    Args:
        x: Dict of `support` and `query`, `(tasks, rows, ...)` or structures.
        y: Dict of their labels, -1 for padding.
        seed: Two integers for stateless random operations.

    Returns:
        Examples `(tasks, steps, ...)` and labels int32 `(tasks, steps)`. What
        is padding comes last, and so changes no step before it.
    """
    examples = tree.map_structure(
        lambda s, q: tf.concat([s, tf.cast(q, s.dtype)], axis=1),
        tree.map_structure(tf.convert_to_tensor, x["support"]),
        tree.map_structure(tf.convert_to_tensor, x["query"]),
    )
    labels = [tf.cast(y[part], tf.int32) for part in ("support", "query")]
    return shuffled(examples, tf.concat(labels, axis=1), seed)


def shuffled(examples, labels, seed):
    """Another order of the steps for each task, with padding last."""
    shape = tf.shape(labels)
    chance = tf.random.stateless_uniform(shape, seed)
    order = tf.argsort(tf.where(labels < 0, 2.0, chance), stable=True)
    examples, labels = tree.map_structure(
        lambda leaf: tf.ensure_shape(
            tf.gather(leaf, order, batch_dims=1), leaf.shape
        ),
        (examples, labels),
    )
    return examples, labels


def one_step_late(labels, ways):
    """The label before each step as a one-hot vector; zeros if there is none.

    Args:
        labels: int32 `(tasks, steps)`.
        ways: Width of the vectors.

    Returns:
        float32 `(tasks, steps, ways)`.
    """
    vectors = tf.one_hot(labels, ways)
    return tf.pad(vectors[:, :-1], [[0, 0], [1, 0], [0, 0]])


def showings(labels, ways):
    """Which showing of its class each step is: 1, 2, ...; 0 for padding."""
    vectors = tf.one_hot(labels, ways, dtype=tf.int32)
    return tf.reduce_sum(tf.cumsum(vectors, axis=1) * vectors, axis=-1)


def accuracy_at(showing, hits, labels, shown):
    """Share of right answers of each task at the k-th showing of a class.

    Args:
        showing: Integer `k`.
        hits: `(tasks, steps)`, 1 where the answer was right.
        labels: `(tasks, steps)`.
        shown: What `showings` returns.

    Returns:
        `(tasks,)`; NaN where no class is shown so often.
    """
    asked = tf.where(tf.equal(shown, showing), labels, -1)
    mean = episode_batches.mean_of_each_task(hits, asked)
    is_any = tf.reduce_any(asked >= 0, axis=-1)
    return tf.where(is_any, mean, float("nan"))


def run(cell, inputs, states, valid=None):
    """Runs a cell over sequences; the inputs' share is computed beforehand.

    Args:
        cell: A `layers.LeastRecentlyUsedMemoryCell`, built.
        inputs: `(batch, steps, features)`; the number of steps is static.
        states: What the cell begins with.
        valid: Boolean `(batch, steps)`, or `None`: steps that are not leave
            the states as they are.

    Returns:
        Outputs `(batch, steps, size)` and the last states.
    """
    steps = inputs.shape[1]
    # Keras forgets the width of what it could not trace.
    inputs = tf.ensure_shape(inputs, [None, steps, cell.kernel.shape[0]])
    projected = tf.transpose(cell.project(inputs), [1, 0, 2])
    # Slices of one tensor would each get a gradient of its whole size.
    projected = tf.TensorArray(projected.dtype, steps).unstack(projected)
    outputs = tf.TensorArray(
        cell.compute_dtype, steps, element_shape=[None, cell.output_size]
    )

    def one_step(step, outputs, *states):
        output, new = cell.step(projected.read(step), list(states))
        if valid is not None:
            new = [
                tf.where(valid[:, step, None], after, before)
                for before, after in zip(states, new, strict=True)
            ]
        return step + 1, outputs.write(step, output), *new

    _, outputs, *states = tf.while_loop(
        lambda step, *_: step < steps,
        one_step,
        (0, outputs, *states),
        # XLA needs to know it to differentiate the loop.
        maximum_iterations=steps,
    )
    return tf.transpose(outputs.stack(), [1, 0, 2]), states
