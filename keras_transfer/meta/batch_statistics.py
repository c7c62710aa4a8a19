"""Which statistics batch norm takes for the queries of a task."""

import keras
import tensorflow as tf
from keras import tree

from keras_transfer._public import unknown_name
from keras_transfer.meta import task_rows

STATISTICS = ("transductive", "support_plus_one", "support", "moving")
_PARALLEL_QUERIES = 4


def has_batch_norm(model):
    """Whether a model, at any depth, holds batch normalization."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in model._flatten_layers()
    )


def query_outputs(fast, weights, state, support, query, statistics, training):
    """Runs the queries of one task.

    - `"transductive"`: all queries are one batch with its own statistics.
    - `"support_plus_one"`: each query is in a batch with the whole support.
    - `"support"`: the statistics of the support; no query sees another.
    - `"moving"`: the moving statistics of `state`.

    Args:
        fast: A `FastModel`.
        weights: Its weights.
        state: Its state.
        support: Examples `(support, ...)` without padding.
        query: Examples `(queries, ...)` without padding.
        statistics: One of `STATISTICS`.
        training: Python boolean; for dropout and the like.

    Returns:
        `(outputs, new_state, losses)`. Moving statistics move in the new
        state as they do in a step of training.
    """
    if statistics == "transductive":
        return fast.run(weights, state, query, training, batch_norm=True)
    if statistics == "moving":
        return fast.run(weights, state, query, training, batch_norm=False)
    if statistics == "support":
        return _by_support(fast, weights, state, support, query, training)
    if statistics == "support_plus_one":
        return _one_by_one(fast, weights, state, support, query, training)
    raise unknown_name("statistics", statistics, STATISTICS)


def support_state(fast, weights, state, support, training=False):
    """The state with the moments of the support for moving statistics.

    Args:
        fast: A `FastModel`.
        weights: Its weights.
        state: Its state.
        support: Examples `(support, ...)` without padding.
        training: Python boolean; for dropout and the like.

    Returns:
        A state. A pass with `batch_norm=False` then normalises by the
        support.
    """
    _, moved, kept = fast.run_from_zero(weights, state, support, training)
    return _moments(state, moved, kept)


def _by_support(fast, weights, state, support, query, training):
    _, moved, kept = fast.run_from_zero(weights, state, support, training)
    moments = _moments(state, moved, kept)
    outputs, new_state, losses = fast.run(
        weights, moments, query, training, batch_norm=False
    )
    for position, share in kept.items():
        new_state[position] = state[position] * share + moved[position]
    return outputs, new_state, losses


def _moments(state, moved, kept):
    # What was added to 0 is 1 - share of the moments.
    moments = list(moved)
    for position, share in kept.items():
        moments[position] = (
            moved[position] / (1.0 - share) if share < 1 else state[position]
        )
    return moments


def _one_by_one(fast, weights, state, support, query, training):
    dtype = task_rows.loss_dtype()

    def run_one(number):
        batch = tree.map_structure(
            lambda s, q: tf.concat([s, tf.cast(q[number], s.dtype)[None]], 0),
            support,
            query,
        )
        outputs, new_state, losses = fast.run(
            weights, state, batch, training, batch_norm=True
        )
        moved, counted = _parted(
            [new - old for new, old in zip(new_state, state, strict=True)]
        )
        losses = [tf.cast(loss, dtype) for loss in losses]
        return moved, {
            "outputs": tree.map_structure(lambda rows: rows[-1], outputs),
            "counted": counted,
            "loss": tf.add_n([tf.zeros((), dtype), *losses]),
        }

    averaged, counted = _parted(state)
    queries = tf.shape(tree.flatten(query)[0])[0]
    # A loop, so that memory does not grow with the number of queries.
    moved, rows = task_rows.loop_over_tasks(
        run_one,
        queries,
        [tf.zeros_like(value) for value in averaged],
        {
            "outputs": fast.output_dtypes(support),
            "counted": [value.dtype for value in counted],
            "loss": dtype,
        },
        _PARALLEL_QUERIES,
    )
    moved = iter([total / tf.cast(queries, total.dtype) for total in moved])
    # Each query has counted the seeds on by as much.
    counted = iter([steps[0] for steps in rows["counted"]])
    new_state = [
        value + next(moved if value.dtype.is_floating else counted)
        for value in state
    ]
    return rows["outputs"], new_state, [tf.reduce_mean(rows["loss"])]


def _parted(state):
    """A state in two: what is averaged, and what counts."""
    return (
        [value for value in state if value.dtype.is_floating],
        [value for value in state if not value.dtype.is_floating],
    )
