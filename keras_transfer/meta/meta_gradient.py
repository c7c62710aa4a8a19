"""The gradient of the loss after inner loops, over the tasks of a batch."""

import functools
from typing import Any
from typing import NamedTuple

import tensorflow as tf
from keras import tree

from keras_transfer.meta import task_outputs
from keras_transfer.meta import task_rows
from keras_transfer.meta.inner_loop import Point
from keras_transfer.training import seed_state

#: So far apart that the masks of two tasks share no seed.
_BETWEEN_SEEDS = 1_000_003


class MetaResult(NamedTuple):
    """What the tasks of a batch teach.

    Attributes:
        loss: Mean over tasks, not scaled.
        gradients: List in the order of the trainable variables, scaled.
        state: List of the new values of the other variables.
        outputs: Of the queries, `(tasks, queries, ...)`; zeros for padding.
    """

    loss: Any
    gradients: Any
    state: Any
    outputs: Any


class MetaGradient:
    """Runs tasks from the same weights and averages what they teach.

    Both tapes are inside the loop over tasks: no gradient goes through that
    loop, and what a task needs is free again when it is done.

    Args:
        loop: An `InnerLoop`.
        trainable: List of the variables to derive for.
        state: List of the others that a pass may change.
        statistics: One of `batch_statistics.STATISTICS`.
        steps: Number of inner steps.
        scale_loss: Function of a loss to a scaled one, as optimizers have it.
        parallel: How many tasks may run at a time.
    """

    def __init__(
        self, loop, trainable, state, statistics, steps, scale_loss, parallel
    ):
        self._loop = loop
        self._trainable = trainable
        self._state = state
        self._statistics = statistics
        self._steps = steps
        self._scale_loss = scale_loss
        self._parallel = parallel

    def of_tasks(self, x, y, first_order=False, step_weights=None):
        """The mean over tasks.

        Args:
            x: Dict of `support` and `query`, `(tasks, rows, ...)` each.
            y: Likewise the labels.
            first_order: Whether inner gradients count as constants.
            step_weights: What the loss after each inner step counts, or `None`
                for the last one alone.

        Returns:
            A `MetaResult`.
        """
        first = start(self._trainable, self._state)
        averaged, counted = _parted(first.state)
        tasks = tf.shape(y["query"])[0]
        totals, rows = task_rows.loop_over_tasks(
            functools.partial(
                self._of_task,
                x=x,
                y=y,
                first=first,
                first_order=first_order,
                step_weights=step_weights,
            ),
            tasks,
            {
                "loss": tf.zeros((), task_rows.loss_dtype()),
                "gradients": [
                    tf.zeros_like(first.weights[id(v)]) for v in self._trainable
                ],
                "moved": tree.map_structure(tf.zeros_like, averaged),
            },
            {
                "counted": tree.map_structure(lambda v: v.dtype, counted),
                "outputs": task_outputs.output_dtypes(
                    self._loop.fast, x["query"]
                ),
            },
            self._parallel,
        )
        means = tree.map_structure(
            lambda total: total / tf.cast(tasks, total.dtype), totals
        )
        # Each task has counted its seeds on by as much.
        counted = {key: step[0] for key, step in rows["counted"].items()}
        changes = means["moved"] | counted
        state = [first.state[id(v)] + changes[id(v)] for v in self._state]
        return MetaResult(
            means["loss"], means["gradients"], state, rows["outputs"]
        )

    def _of_task(self, number, x, y, first, first_order, step_weights):
        tasks = tf.shape(y["query"])[0]
        support, labels, _ = task_rows.of_task(x, y, "support", number)
        query, answers, rows = task_rows.of_task(x, y, "query", number)
        # Tensors of this task alone, for its tape to watch.
        first = first._replace(
            weights={k: tf.identity(v) for k, v in first.weights.items()},
            state=self._with_own_seeds(first.state, number, tasks),
        )
        with tf.GradientTape() as tape:
            tape.watch(list(first.weights.values()))
            points = self._loop.points(
                first, support, labels, self._steps, True, first_order
            )
            loss, outputs, last = self._loss_on_the_way(
                points, first, support, query, answers, step_weights
            )
            scaled = self._scale_loss(loss)
        gradients = tape.gradient(
            scaled,
            self._sources(first),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        # Not the state itself: the mean of what stands still, as frozen weights
        # do, would be another number in its last digits.
        moved, counted = _parted(
            {key: last.state[key] - old for key, old in first.state.items()}
        )
        outputs = tree.map_structure(
            lambda leaf: task_rows.put_back(leaf, rows, y["query"][number]),
            outputs,
        )
        return (
            {
                "loss": tf.cast(loss, task_rows.loss_dtype()),
                "gradients": [tf.convert_to_tensor(g) for g in gradients],
                "moved": moved,
            },
            {"counted": counted, "outputs": outputs},
        )

    def _loss_on_the_way(
        self, points, first, support, query, answers, step_weights
    ):
        total = 0.0
        for point in points:
            step = point.step
            if step < self._steps and (step_weights is None or step == 0):
                continue
            outputs, last, losses = self._loop.query_outputs(
                point, first, support, query, self._statistics, training=True
            )
            loss = self._loop.loss(answers, outputs)
            loss = tf.add_n([loss, *(tf.cast(x, loss.dtype) for x in losses)])
            if step_weights is not None:
                loss *= tf.cast(step_weights[step - 1], loss.dtype)
            total += loss
        return total, outputs, last

    def _with_own_seeds(self, state, number, tasks):
        """Other seeds for each task, or all would drop the same units."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        apart = _BETWEEN_SEEDS * (tf.cast(replica, "int32") * tasks + number)
        seeds = {
            id(v): state[id(v)]
            + tf.cast([1, 0], v.dtype) * tf.cast(apart, v.dtype)
            for v in self._state
            if seed_state.is_seed(v)
        }
        return state | seeds

    def _sources(self, first):
        """What to derive for; finished graphs read variables themselves."""
        return [
            variable.value
            if self._loop.fast.is_own(variable)
            else first.weights[id(variable)]
            for variable in self._trainable
        ]


def start(trainable, state):
    """The `Point` that the variables hold."""
    weights, state = (
        {id(v): tf.convert_to_tensor(v.value) for v in variables}
        for variables in (trainable, state)
    )
    return Point(weights, state, 0)


def _parted(state):
    """A state in two: what is averaged, and what counts."""
    floats = {k: v for k, v in state.items() if v.dtype.is_floating}
    others = {k: v for k, v in state.items() if k not in floats}
    return floats, others
