"""What the queries of tasks get after the inner loop, without training."""

import tensorflow as tf
from keras import tree

from keras_transfer.meta import task_rows


def of_tasks(loop, first, x, y, steps, modes, parallel):
    """Adapts to each task and runs its queries.

    Args:
        loop: An `InnerLoop`.
        first: The `Point` where every task begins.
        x: Dict of `support` and `query`, `(tasks, rows, ...)` each.
        y: Likewise the labels; those of the query may be missing.
        steps: Number of inner steps.
        modes: Names from `batch_statistics.STATISTICS`.
        parallel: How many tasks may run at a time.

    Returns:
        Dict of `(losses, outputs)` by mode: `(tasks,)` and `(tasks,
        queries, ...)`, zeros for padding. Without labels there are no losses.
    """
    has_labels = "query" in y
    dtype = task_rows.loss_dtype()

    def run(number):
        support, labels, _ = task_rows.of_task(x, y, "support", number)
        *_, point = loop.points(first, support, labels, steps, training=False)
        if has_labels:
            query, answers, rows = task_rows.of_task(x, y, "query", number)
        else:
            query = tree.map_structure(lambda leaf: leaf[number], x["query"])
        found = {}
        for mode in modes:
            outputs, _, _ = loop.query_outputs(
                point, first, support, query, mode, training=False
            )
            losses = []
            if has_labels:
                losses = [tf.cast(loop.loss(answers, outputs), dtype)]
                outputs = tree.map_structure(
                    lambda leaf: task_rows.put_back(
                        leaf, rows, y["query"][number]
                    ),
                    outputs,
                )
            found[mode] = (losses, outputs)
        return {}, found

    kind = ([dtype] * has_labels, output_dtypes(loop.fast, x["query"]))
    _, found = task_rows.loop_over_tasks(
        run,
        tf.shape(y["support"])[0],
        {},
        dict.fromkeys(modes, kind),
        parallel,
    )
    return {
        mode: (losses[0] if has_labels else None, outputs)
        for mode, (losses, outputs) in found.items()
    }


def output_dtypes(fast, x):
    """The dtypes of the outputs for such examples `(tasks, rows, ...)`."""
    return fast.output_dtypes(tree.map_structure(lambda leaf: leaf[0], x))
