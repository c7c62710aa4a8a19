"""What a request of few-shot serving is: tasks with support and queries."""

import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.export import row_checks
from keras_transfer.export import samples as sample_rows

#: Sizes of the episodes that an export is tried with.
_TASKS, _SHOTS, _QUERIES = 3, 2, 2


def check_ways(ways):
    """Raises unless there can be so many classes."""
    if not isinstance(ways, int) or isinstance(ways, bool) or ways < 2:
        raise invalid_argument("ways", ways, "an integer of at least 2")


def specs_of(spec):
    """Of a request, from the spec of the encoder's input."""
    row = spec.shape[1:]
    return {
        "support": tf.TensorSpec([None, None, *row], spec.dtype, "support"),
        "support_labels": tf.TensorSpec(
            [None, None], tf.int32, "support_labels"
        ),
        "query": tf.TensorSpec([None, None, *row], spec.dtype, "query"),
    }


def checked(tensors, specs, ways):
    """The tensors of a request, refused by the graph if they are no tasks."""
    tensors = row_checks.checked(tensors, specs)
    tensors = row_checks.require_finite(tensors)
    with tf.control_dependencies(_checks(tensors, ways)):
        return {name: tf.identity(x) for name, x in tensors.items()}


def examples(served, ways, samples):
    """Small episodes of the given rows, or of random ones."""
    used = min(ways, 3)
    needed = used * _SHOTS + _QUERIES
    rows = sample_rows.for_model(served, samples, rows=needed * _TASKS)
    (pool,) = rows.values()
    if len(pool) < needed:
        raise invalid_argument(
            "samples", pool.shape, f"at least {needed} rows, or None"
        )
    generator = np.random.default_rng(0)
    picked = np.stack(
        [pool[generator.permutation(len(pool))[:needed]] for _ in range(_TASKS)]
    )
    labels = np.tile(np.repeat(np.arange(used), _SHOTS), (_TASKS, 1))
    return {
        "support": picked[:, : used * _SHOTS],
        "support_labels": labels.astype("int32"),
        "query": picked[:, used * _SHOTS :],
    }


def _checks(tensors, ways):
    labels = tensors["support_labels"]
    return [
        tf.debugging.assert_equal(
            tf.shape(labels)[1],
            tf.shape(tensors["support"])[1],
            message="Each row of support needs one of support_labels.",
        ),
        tf.debugging.assert_positive(
            tf.shape(tensors["query"])[1], message="There are no queries."
        ),
        tf.debugging.Assert(
            tf.reduce_all((labels >= -1) & (labels < ways)),
            [f"support_labels must be -1 to {ways - 1}."],
        ),
        tf.debugging.Assert(
            tf.reduce_all(tf.reduce_any(labels >= 0, axis=1)),
            ["A task has no support: all its labels are -1."],
        ),
    ]
