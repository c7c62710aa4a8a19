"""Trainers whose model is adapted to each task by gradient steps."""

import collections

import keras
import tensorflow as tf
from keras import tree

from keras_transfer.meta import batch_statistics
from keras_transfer.meta import episode_batches
from keras_transfer.meta import maml_arguments
from keras_transfer.meta import meta_gradient
from keras_transfer.meta import model_copies
from keras_transfer.meta import outer_step
from keras_transfer.meta import support_set
from keras_transfer.meta import task_outputs
from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.meta.episodic_trainer import accuracy_of_tasks
from keras_transfer.meta.episodic_trainer import queries_as_rows


class AdaptingTrainer(EpisodicTrainer):
    """Evaluates, predicts and serves with an inner loop for each task.

    A subclass sets `model`, `statistics`, `inner_steps`,
    `inner_steps_at_test` and `parallel_tasks`, makes the `InnerLoop` and
    trains.

    Args:
        **kwargs: Passed to `keras.Model`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._has_classes = True

    def inner_loop(self):
        """The `InnerLoop`."""
        raise NotImplementedError

    def state_variables(self):
        """The variables beside the trainable ones that a pass may change."""
        raise NotImplementedError

    @property
    def steps_on_rows(self):
        """Whether Keras is given rows: with several replicas it wants them."""
        return self.distribute_strategy.num_replicas_in_sync > 1

    def rows_of(self, data):
        x, y = data
        if _are_classes(y["query"]):
            return queries_as_rows(data)
        return {**x, "support_labels": y["support"]}, y["query"]

    @property
    def evaluated_statistics(self):
        """What `evaluate_episodes` may use."""
        if not batch_statistics.has_batch_norm(self.model):
            return ("none",)
        return batch_statistics.STATISTICS

    def call(self, inputs, training=None):
        if not isinstance(inputs, dict) or not {"support", "query"} <= set(
            inputs
        ):
            return self.model(inputs, training=training)
        if "support_labels" in inputs:
            return super().call(inputs, training)
        # Keras asks for shapes; steps do not come here.
        query = episode_batches.fold_tasks(inputs["query"])
        tasks = tf.shape(tree.flatten(inputs["query"])[0])[0]
        return tree.map_structure(
            lambda rows: episode_batches.unfold_tasks(rows, tasks),
            self.model(query, training=training),
        )

    def test_step(self, data):
        x, y, weights = unpacked(data)
        losses, outputs = self._outputs(x, y, [self.statistics])[
            self.statistics
        ]
        cost = outer_step.regularization(self.trainable_variables)
        loss = tf.reduce_mean(losses) + cost
        return self.logs(loss, y["query"], outputs, weights)

    def predict_step(self, data):
        x, y, _ = unpacked(data)
        return self._outputs(x, y, [self.statistics])[self.statistics][1]

    def episode_outputs(self, support, labels, query, training):
        del training  # steps of training do not come here
        found = self._outputs(
            {"support": support, "query": query},
            {"support": labels},
            [self.statistics],
        )
        return found[self.statistics][1]

    def values_of_modes(self, x, y, modes):
        # Without batch norm all modes are the same.
        known = ["transductive" if mode == "none" else mode for mode in modes]
        found = self._outputs(x, y, known)
        values = {}
        for mode, name in zip(modes, known, strict=True):
            losses, outputs = found[name]
            values[mode] = losses
            if _are_classes(y["query"]):
                values[mode] = accuracy_of_tasks(outputs, y["query"])
        return values

    def metric_of_episodes(self):
        # As the last episodes had it: whole numbers, or other labels.
        return "accuracy" if self._has_classes else "loss"

    def adapt(self, x, y, steps=None):
        """A plain model for a new task, adapted to its support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Their labels `(rows,)`; -1 for rows to leave out.
            steps: Number of inner steps; by default `inner_steps_at_test`.

        Returns:
            An uncompiled copy of the model. The moving statistics of its batch
            norm are those of the support, so that no query sees another.

        Raises:
            ValueError: If labels do not fit the examples, no row has one, or a
                value is not finite.
        """
        steps = self.steps_at_test if steps is None else steps
        maml_arguments.check_steps("steps", steps)
        x, y = support_set.examples(x, y)
        loop = self.inner_loop()
        points = loop.points(self._start(), x, y, steps, training=False)
        # One at a time: each point holds all weights.
        point = collections.deque(points, maxlen=1).pop()
        return model_copies.with_values(self.model, *loop.final(point, x))

    def adapt_and_predict(self, support, support_labels, query):
        """Outputs for queries of new tasks, for serving.

        The inner loop runs inside the graph, with `inner_steps_at_test` steps.
        Queries are normalised by the statistics of the support, whatever
        `statistics` says, so that none sees another.

        Args:
            support: Examples `(tasks, support, ...)`, or a structure of such.
            support_labels: `(tasks, support)`, -1 for padding.
            query: Examples `(tasks, queries, ...)`.

        Returns:
            What the model returns, with the axes `(tasks, queries, ...)`.
        """
        found = self._outputs(
            {"support": support, "query": query},
            {"support": support_labels},
            ["support"],
        )
        return found["support"][1]

    @property
    def steps_at_test(self):
        if self.inner_steps_at_test is None:
            return self.inner_steps
        return self.inner_steps_at_test

    def _start(self):
        return meta_gradient.start(
            self.trainable_variables, self.state_variables()
        )

    def _outputs(self, x, y, modes):
        x, y = tree.map_structure(tf.convert_to_tensor, (x, y))
        self._has_classes = "query" not in y or _are_classes(y["query"])
        return task_outputs.of_tasks(
            self.inner_loop(),
            self._start(),
            x,
            y,
            self.steps_at_test,
            modes,
            self.parallel_tasks,
        )

    def logs(self, loss, labels, outputs, weights):
        """The metrics of a step, as Keras logs them."""
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        if weights is not None:
            labels = tf.maximum(labels, 0)
        return self.compute_metrics(None, labels, outputs, weights)


def unpacked(data):
    """Episodes as `(x, y, weights)`; the weights leave out padded queries."""
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    if isinstance(x, dict) and "support_labels" in x:
        # As `rows_of` has made them.
        x = dict(x)
        labels = y if weights is None else tf.where(weights > 0, y, -1)
        return x, {"support": x.pop("support_labels"), "query": labels}, weights
    if weights is not None:
        raise ValueError("Episodes have no weights. Leave out sample_weight.")
    episode_batches.check(x, y)
    if _are_classes(y["query"]):
        weights = queries_as_rows(data)[2]
    return x, y, weights


def _are_classes(labels):
    return labels.dtype.is_integer and labels.shape.rank == 2
