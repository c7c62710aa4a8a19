"""The rows of a task that are not padding."""

import keras
import tensorflow as tf
from keras import tree


def loss_dtype():
    """What losses are gathered in."""
    return keras.backend.result_type(keras.config.floatx(), "float32")


def are_classes(labels):
    """Whether labels `(rows,)` are classes, of which -1 is padding."""
    return labels.dtype.is_integer and labels.shape.rank == 1


def without_padding(x, labels):
    """The examples and labels of a task, and the numbers of their rows.

    Args:
        x: Examples `(rows, ...)`, or a structure of such.
        labels: Labels `(rows, ...)`. Only classes have padding.

    Returns:
        `(x, labels, rows)`; `rows` is `None` if all are there.
    """
    if not are_classes(labels):
        return x, labels, None
    rows = tf.where(labels >= 0)[:, 0]
    x = tree.map_structure(lambda leaf: tf.gather(leaf, rows), x)
    return x, tf.gather(labels, rows), rows


def put_back(values, rows, labels):
    """Values of the real rows, among zeros for padding.

    Args:
        values: `(real rows, ...)`.
        rows: As `without_padding` returns them.
        labels: All labels, `(rows,)`.

    Returns:
        `(rows, ...)`.
    """
    if rows is None:
        return values
    shape = tf.concat([tf.shape(labels), tf.shape(values)[1:]], 0)
    placed = tf.scatter_nd(rows[:, None], values, tf.cast(shape, rows.dtype))
    return tf.ensure_shape(placed, [labels.shape[0], *values.shape[1:]])


def of_task(x, y, part, number):
    """The support or the query of one task.

    Args:
        x: Dict of examples `(tasks, rows, ...)`.
        y: Dict of labels `(tasks, rows, ...)`.
        part: `"support"` or `"query"`.
        number: Number of the task.

    Returns:
        As `without_padding`.
    """
    return without_padding(
        tree.map_structure(lambda leaf: leaf[number], x[part]),
        y[part][number],
    )


def loop_over_tasks(body, tasks, totals, dtypes, parallel):
    """Runs tasks one by one, adds up some results and stacks the others.

    A loop, so that memory grows neither with the tasks nor with tasks times
    weights, in which several tasks may run at a time.

    Args:
        body: Function of the number of a task to `(addends, rows)`, two
            structures of tensors.
        tasks: Number of tasks, an int32 scalar.
        totals: Structure of tensors, where the sums begin.
        dtypes: Structure of the dtypes of the rows.
        parallel: How many tasks may run at a time.

    Returns:
        `(totals, rows)`.
    """
    shapes = []

    def run(number, totals, arrays):
        addends, rows = body(number)
        rows = tf.nest.flatten(rows)
        shapes[:] = [row.shape for row in rows]
        totals = tf.nest.map_structure(tf.add, totals, addends)
        arrays = [
            array.write(number, row)
            for array, row in zip(arrays, rows, strict=True)
        ]
        return number + 1, totals, arrays

    _, totals, arrays = tf.while_loop(
        lambda number, *_: number < tasks,
        run,
        (
            tf.constant(0),
            totals,
            [tf.TensorArray(kind, tasks) for kind in tf.nest.flatten(dtypes)],
        ),
        parallel_iterations=parallel,
    )
    rows = [
        # The loop forgets shapes, which metrics need.
        tf.ensure_shape(array.stack(), [None, *shape])
        for array, shape in zip(arrays, shapes, strict=True)
    ]
    return totals, tf.nest.pack_sequence_as(dtypes, rows)
