"""Which statistics batch norm takes for the queries of a task."""

import keras
import tensorflow as tf
from keras import tree

from keras_transfer._public import unknown_name

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
    def batch_of(one):
        return tree.map_structure(
            lambda s, q: tf.concat([s, tf.cast(q, s.dtype)[None]], 0),
            support,
            one,
        )

    def run_one(one):
        outputs, new_state, losses = fast.run(
            weights, state, batch_of(one), training, batch_norm=True
        )
        last = tree.map_structure(lambda rows: rows[-1], outputs)
        return last, new_state, tf.add_n([tf.zeros(()), *losses])

    # A loop, so that memory does not grow with the number of queries.
    outputs, new_states, losses = tf.map_fn(
        run_one,
        query,
        parallel_iterations=(
            1 if tf.executing_eagerly() else _PARALLEL_QUERIES
        ),
        fn_output_signature=(
            fast.output_dtypes(support),
            [value.dtype for value in state],
            tf.float32,
        ),
    )
    new_state = [
        tf.reduce_mean(values, 0) if values.dtype.is_floating else values[-1]
        for values in new_states
    ]
    return outputs, new_state, [tf.reduce_mean(losses)]
