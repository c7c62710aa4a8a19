"""The inner loops of all tasks of a batch."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf
from keras import tree

from keras_transfer.meta import batch_statistics
from keras_transfer.meta import mini_batches
from keras_transfer.meta import task_outputs
from keras_transfer.meta import task_rows
from keras_transfer.meta.inner_adam import LastStep

#: Tasks that are adapted at a time where they are independent.
_PARALLEL_TASKS = 4


class Plan(NamedTuple):
    """The mini-batches of a task.

    Attributes:
        steps: How many.
        size: Rows in each.
        seed: Two integers.
    """

    steps: int
    size: int
    seed: Any


def in_turn(adam, start, x, y, plan):
    """Runs all tasks from the same weights, one after the other.

    Adam's slots and the state of the model go from a task to the next one.

    Args:
        adam: The `InnerAdam`.
        start: The first `Inner`.
        x: Examples `(tasks, rows, ...)`, or a structure of such.
        y: Labels `(tasks, rows, ...)`.
        plan: A `Plan`; each task gets a seed of its own from its seed.

    Returns:
        `(end, moved, last)`: the last task's `Inner`, the mean over tasks of
        how far the weights moved, packed, and a `LastStep` with a leading
        axis of tasks.
    """

    shapes = []

    def run(number, now, moved, kept):
        seed = tf.random.experimental.stateless_fold_in(
            plan.seed, tf.cast(number, plan.seed.dtype)
        )
        rows = mini_batches.real_rows(y[number])
        end, last = adam.run(
            now._replace(weights=start.weights),
            tree.map_structure(lambda leaf: leaf[number], x),
            y[number],
            mini_batches.draw(rows, plan.steps, plan.size, seed),
        )
        steps = tf.nest.map_structure(tf.subtract, end.weights, start.weights)
        moved = tf.nest.map_structure(tf.add, moved, steps)
        last = tree.flatten(last)
        shapes[:] = [value.shape for value in last]
        kept = [
            array.write(number, value)
            for array, value in zip(kept, last, strict=True)
        ]
        return number + 1, end, moved, kept

    kinds = LastStep(
        "float32", y.dtype, task_outputs.output_dtypes(adam.fast, x)
    )
    tasks = tf.shape(y)[0]
    kept = [tf.TensorArray(kind, tasks) for kind in tree.flatten(kinds)]
    moved = [tf.zeros_like(weights) for weights in start.weights]
    _, end, moved, kept = tf.while_loop(
        lambda number, *_: number < tasks, run, (0, start, moved, kept)
    )
    moved = [total / tf.cast(tasks, total.dtype) for total in moved]
    # The loop forgets shapes, which metrics need.
    last = [
        tf.ensure_shape(array.stack(), [None, *shape])
        for array, shape in zip(kept, shapes, strict=True)
    ]
    return end, moved, tree.pack_sequence_as(kinds, last)


def adapted(adam, start, x, y, plan):
    """Adapts to one task.

    Args:
        adam: The `InnerAdam`.
        start: The first `Inner`.
        x: Examples `(rows, ...)`, or a structure of such.
        y: Labels `(rows, ...)`.
        plan: A `Plan`.

    Returns:
        `(weights, state, support)`: weights in the order of the model's
        variables, its state, and the examples without padding.
    """
    rows = mini_batches.real_rows(y)
    batches = mini_batches.draw(rows, plan.steps, plan.size, plan.seed)
    end, _ = adam.run(start, x, y, batches)
    support = tree.map_structure(lambda leaf: tf.gather(leaf, rows), x)
    return adam.packing.unpack(end.weights), end.state, support


def query_outputs(adam, start, x, y, plan, modes):
    """Adapts to each task and runs its queries.

    Args:
        adam: The `InnerAdam`.
        start: The first `Inner`, of every task.
        x: Dict of `support` and `query`, `(tasks, rows, ...)` each.
        y: Likewise the labels.
        plan: A `Plan`; every task has the same seed.
        modes: Names from `batch_statistics.STATISTICS`, or `"none"`.

    Returns:
        Outputs `(tasks, queries, ...)` by mode; zeros for padding.
    """

    def run(task):
        x, y = task
        weights, state, support = adapted(
            adam, start, x["support"], y["support"], plan
        )
        query, _, rows = task_rows.without_padding(x["query"], y["query"])
        found = {}
        for mode in modes:
            outputs, _, _ = batch_statistics.query_outputs(
                adam.fast,
                weights,
                state,
                support,
                query,
                "moving" if mode == "none" else mode,
                training=False,
            )
            found[mode] = tree.map_structure(
                lambda leaf: task_rows.put_back(leaf, rows, y["query"]),
                outputs,
            )
        return found

    return tf.map_fn(
        run,
        (x, y),
        parallel_iterations=_PARALLEL_TASKS,
        fn_output_signature=dict.fromkeys(
            modes, task_outputs.output_dtypes(adam.fast, x["query"])
        ),
    )
