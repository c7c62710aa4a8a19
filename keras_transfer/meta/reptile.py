"""Reptile."""

import keras
import tensorflow as tf
from keras import tree

from keras_transfer import schedules
from keras_transfer._public import public
from keras_transfer.meta import batch_statistics
from keras_transfer.meta import episode_batches
from keras_transfer.meta import episodic_trainer
from keras_transfer.meta import model_copies
from keras_transfer.meta import reptile_arguments
from keras_transfer.meta import support_set
from keras_transfer.meta import task_rows
from keras_transfer.meta import task_runs
from keras_transfer.meta.fast_model import FastModel
from keras_transfer.meta.inner_adam import AdamSlots
from keras_transfer.meta.inner_adam import InnerAdam
from keras_transfer.meta.packing import Packing
from keras_transfer.ops.prototypes import check_class_count
from keras_transfer.training import data_epoch
from keras_transfer.training.epoch_progress import EpochProgress

#: Of the mini-batches in evaluation, which are the same each time.
_SEED = (2018, 3)


@public("meta")
class Reptile(episodic_trainer.EpisodicTrainer):
    """Moves a model towards the weights that it reaches on each task.

    Formula, with `W_i` the weights after `inner_steps` steps of Adam on
    mini-batches of the support of task `i`, starting at `W`:

        W <- W + outer_step * mean_i (W_i - W)

    There is no gradient of a gradient, and no query in training: draw
    `queries=1` and a support larger than will be met, such as 10 shots for 1.
    The tasks of a batch are those of one such update.

    Adam runs with `beta_1=0`, and its second moments and step count are
    carried from step to step, task to task and update to update, as in the
    authors' code. They are weights of this trainer. `evaluate`, `predict`,
    `evaluate_episodes` and `adapt` start from them and leave them as they are.

    `compile` takes a loss and metrics and no optimizer. The loss, weights'
    regularization added, is the one of the inner steps. In training `fit`
    shows the last inner step's, before it is taken. `evaluate` and validation
    adapt to the support of each task and show the queries'.

    Batch norm uses the batch's statistics in the inner loop, whose passes move
    the moving ones. For the queries see `statistics`; `evaluate_episodes`
    knows all modes. The authors report `"support_plus_one"`, and
    `"transductive"` apart. Called on plain inputs it is the model.

    Bad at: tasks that need other features, not only other weights of the last
    layers; one shot, where a query in the inner loop helps (`meta.MAML`).

    Args:
        model: A built `keras.Model` from examples to `ways` logits, or to
            what the loss takes. It is changed in place and is the result.
        inner_steps: Number of Adam's steps on a task in training.
        inner_batch_size: Examples in each of them.
        inner_learning_rate: Positive number.
        beta_2: Adam's, in [0, 1).
        outer_step: A number, an object of `schedules` over the training, or
            `"linear"`: from 1 to 0. A schedule needs `fit`, which knows how
            long the training is.
        statistics: What batch norm uses for queries in `evaluate` and
            `predict`: `"support_plus_one"` (each query in a batch with the
            support), `"transductive"` (the queries are one batch),
            `"support"` or `"moving"`.
        inner_steps_at_test: Number of Adam's steps for a new task.
        inner_batch_size_at_test: Examples in each of them.
        seed: Integer or `None`, of the mini-batches of training.
        **kwargs: Passed to `keras.Model`.

    Note: the defaults are the authors' for Omniglot, 5 ways and 1 shot, with
    5 tasks of 10 shots in a batch and 100,000 updates.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(8, activation="relu"),
    ...     keras.layers.Dense(5),
    ... ])
    >>> reptile = kt.meta.Reptile(model)
    >>> reptile.compile()
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(
    ...     x, y, ways=5, shots=5, queries=1, tasks=2, steps_per_epoch=4
    ... )
    >>> history = reptile.fit(episodes, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> scores = reptile.evaluate_episodes(episodes, 8, verbose=False)
    >>> scores["none"].num_episodes
    8
    >>> reptile.adapt(x[:50], y[:50])(x[:7]).shape
    TensorShape([7, 5])

    Reference:

    - [Nichol et al., 2018, On First-Order Meta-Learning Algorithms, algorithm
      1 (batched) and section 6](https://arxiv.org/abs/1803.02999)
    """

    steps_on_rows = False

    def __init__(
        self,
        model,
        inner_steps=5,
        inner_batch_size=10,
        inner_learning_rate=1e-3,
        beta_2=0.999,
        outer_step="linear",
        statistics="support_plus_one",
        inner_steps_at_test=50,
        inner_batch_size_at_test=5,
        seed=None,
        **kwargs,
    ):
        reptile_arguments.check_model(model)
        reptile_arguments.check(
            inner_steps=inner_steps,
            inner_batch_size=inner_batch_size,
            inner_steps_at_test=inner_steps_at_test,
            inner_batch_size_at_test=inner_batch_size_at_test,
            inner_learning_rate=inner_learning_rate,
            beta_2=beta_2,
            statistics=statistics,
        )
        kwargs.setdefault("dtype", model.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.model = model
        self.inner_steps = inner_steps
        self.inner_batch_size = inner_batch_size
        self.inner_learning_rate = inner_learning_rate
        self.beta_2 = beta_2
        self.outer_step = reptile_arguments.outer_step_of(outer_step)
        self.statistics = statistics
        self.inner_steps_at_test = inner_steps_at_test
        self.inner_batch_size_at_test = inner_batch_size_at_test
        self.seed = seed
        self._make_parts()
        self.built = True

    @property
    def evaluated_statistics(self):
        """What `evaluate_episodes` may use; the authors' choice is first."""
        if not batch_statistics.has_batch_norm(self.model):
            return ("none",)
        return ("support_plus_one", "transductive", "support", "moving")

    def call(self, inputs, training=None):
        if not episode_batches.is_episodes(inputs):
            return self.model(inputs, training=training)
        # Keras asks for shapes; steps do not come here.
        query = episode_batches.fold_tasks(inputs["query"])
        tasks = tf.shape(tree.flatten(inputs["query"])[0])[0]
        return tree.map_structure(
            lambda rows: episode_batches.unfold_tasks(rows, tasks),
            self.model(query, training=training),
        )

    def compile(
        self,
        loss=None,
        metrics=("accuracy",),
        weighted_metrics=None,
        **kwargs,
    ):
        """`keras.Model.compile` without an optimizer.

        Args:
            loss: A single loss, as in Keras; by default the cross-entropy of
                logits.
            metrics: As in Keras.
            weighted_metrics: As in Keras; the same as `metrics` here.
            **kwargs: As in Keras.
        """
        if kwargs.pop("optimizer", None) is not None:
            raise ValueError(
                "Reptile has no optimizer: its inner steps are Adam's, see "
                "`inner_learning_rate`, and the outer one is `outer_step`."
            )
        keras.losses.get(loss)  # an unknown name is an error here
        # XLA wants fixed shapes, and convolutions are slow with it on a CPU.
        kwargs.setdefault("jit_compile", False)
        super().compile(None, loss, metrics, weighted_metrics, **kwargs)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """`keras.Model.fit` on episodes.

        Args:
            x: A dataset of episodes, as `data.episodes` makes it.
            y: Not used; the dataset holds the labels.
            batch_size: Not used.
            epochs: Number of the epoch to stop before, as in Keras.
            **kwargs: As for `keras.Model.fit`. A dataset of unknown length
                needs `steps_per_epoch`.

        Returns:
            The `History` of Keras.

        Raises:
            ValueError: If the data are no episodes; before training.
        """
        episode_batches.check_dataset(x, "x")
        if self.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "Reptile trains on one device: Adam's slots go from a task to "
                "the next one. Make it outside the scope of the strategy."
            )
        steps = kwargs.get("steps_per_epoch") or int(x.cardinality())
        if steps < 1:
            raise ValueError(
                "The length of the dataset is not known, so that the progress "
                "of training is not either. Pass steps_per_epoch= to fit."
            )
        kwargs["callbacks"] = [
            EpochProgress(self.progress, steps, epochs),
            *data_epoch.as_list(kwargs.get("callbacks")),
        ]
        return super().fit(x, y, batch_size, epochs, **kwargs)

    def train_step(self, data):
        x, y = data
        episode_batches.check(x, y)
        start = self._slots.start()
        end, moved, last = task_runs.in_turn(
            self._inner_adam(),
            start,
            x["support"],
            y["support"],
            task_runs.Plan(
                self.inner_steps,
                self.inner_batch_size,
                tf.cast(self.seed_generator.next(), "int64"),
            ),
        )
        share = schedules.value_at(self.outer_step, self.progress.share())
        weights = tf.nest.map_structure(
            lambda before, move: before + tf.cast(share, move.dtype) * move,
            start.weights,
            moved,
        )
        self._slots.assign(end._replace(weights=weights))
        self.progress.advance()
        labels, outputs = episode_batches.fold_tasks(
            (last.labels, last.outputs)
        )
        return self._logs(tf.reduce_mean(last.loss), labels, outputs)

    def test_step(self, data):
        x, y = data
        episode_batches.check(x, y)
        labels, weights = y["query"], None
        if task_rows.are_classes(labels[0]):
            _, labels, weights = episodic_trainer.queries_as_rows(data)
        outputs = self._query_outputs(x, y, [self.statistics])[self.statistics]
        loss = self.compute_loss(
            y=labels, y_pred=outputs, sample_weight=weights, training=False
        )
        return self._logs(loss, labels, outputs, weights)

    def predict_step(self, data):
        x, y = data
        episode_batches.check(x, y)
        return self._query_outputs(x, y, [self.statistics])[self.statistics]

    def values_of_modes(self, x, y, modes):
        values = {}
        for mode, outputs in self._query_outputs(x, y, modes).items():
            if task_rows.are_classes(y["query"][0]):
                values[mode] = episodic_trainer.accuracy_of_tasks(
                    outputs, y["query"]
                )
            else:
                values[mode] = tf.map_fn(
                    lambda pair: tf.reduce_mean(self._inner_loss(*pair)),
                    (y["query"], outputs),
                    fn_output_signature="float32",
                )
        return values

    def metric_of_episodes(self):
        # As the last episodes had it: whole numbers, or other labels.
        return "accuracy" if self._has_classes else "loss"

    def adapt(self, x, y, steps=None):
        """A plain model for a new task, adapted to its support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Their labels `(rows,)`; -1 for rows to leave out.
            steps: Number of Adam's steps; by default `inner_steps_at_test`.

        Returns:
            An uncompiled copy of the model. The moving statistics of its batch
            norm are those of the support, so that no query sees another.

        Raises:
            ValueError: If labels do not fit the examples, no row has one, or a
                value is not finite.
        """
        steps = self.inner_steps_at_test if steps is None else steps
        check_class_count("steps", steps)
        x, y = support_set.examples(x, y)
        weights, state = tf.function(self._adapted, autograph=False)(
            x, y, steps
        )
        return model_copies.with_values(self.model, weights, state)

    def get_config(self):
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "inner_steps": self.inner_steps,
            "inner_batch_size": self.inner_batch_size,
            "inner_learning_rate": self.inner_learning_rate,
            "beta_2": self.beta_2,
            "outer_step": schedules.serialize(self.outer_step),
            "statistics": self.statistics,
            "inner_steps_at_test": self.inner_steps_at_test,
            "inner_batch_size_at_test": self.inner_batch_size_at_test,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        return cls(**{**config, "model": model})

    # === Helpers ===

    def _make_parts(self):
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.progress = schedules.TrainingProgress(
            dtype="float32", name="progress"
        )
        self._has_classes = True
        self._fast = FastModel(self.model)
        self._packing = Packing(self._fast.trainable)
        self._slots = AdamSlots(self._fast, self._packing, name="slots")

    def _adapted(self, x, y, steps):
        weights, state, support = task_runs.adapted(
            self._inner_adam(), self._slots.start(), x, y, self._plan(steps)
        )
        if batch_statistics.has_batch_norm(self.model):
            state = batch_statistics.support_state(
                self._fast, weights, state, support
            )
        return weights, state

    def _inner_adam(self):
        return InnerAdam(
            self._fast,
            self._packing,
            self._inner_loss,
            self.inner_learning_rate,
            self.beta_2,
        )

    def _inner_loss(self, labels, outputs):
        loss = self.loss if self.compiled else self.default_loss()
        return keras.losses.get(loss)(labels, outputs)

    def _query_outputs(self, x, y, modes):
        self._has_classes = task_rows.are_classes(y["query"][0])
        return task_runs.query_outputs(
            self._inner_adam(),
            self._slots.start(),
            x,
            y,
            self._plan(self.inner_steps_at_test),
            modes,
        )

    def _plan(self, steps):
        return task_runs.Plan(steps, self.inner_batch_size_at_test, _SEED)

    def _logs(self, loss, labels, outputs, weights=None):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return self.compute_metrics(None, labels, outputs, weights)
