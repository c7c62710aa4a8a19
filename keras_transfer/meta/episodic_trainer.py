"""What all few-shot trainers share."""

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.meta import episode_batches
from keras_transfer.meta.episode_scores import EpisodeScores
from keras_transfer.training import data_epoch
from keras_transfer.training import seed_state


class EpisodicTrainer(keras.Model):
    """A trainer whose `fit`, `evaluate` and `predict` take episodes.

    A subclass that compares embeddings implements `episode_outputs` and leaves
    the rest to Keras: the step of training is Keras' own, on the queries of
    all tasks of a batch. Queries with the label -1 count nowhere.

    Args:
        **kwargs: Passed to `keras.Model`.
    """

    #: What batch norm uses for queries when episodes are evaluated.
    evaluated_statistics = ("moving",)
    #: Whether the steps are Keras' own, on the queries of all tasks as rows.
    steps_on_rows = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._shapes = {}
        self._has_strategy = tf.distribute.has_strategy()

    def episode_outputs(self, support, labels, query, training):
        """What the queries of each task get, given its support.

        Args:
            support: Examples `(tasks, support, ...)`, or a structure of such.
            labels: int32 `(tasks, support)`, -1 where there is padding.
            query: Examples `(tasks, queries, ...)`.
            training: Python boolean.

        Returns:
            Logits `(tasks, queries, classes)`; there may be more classes than
            ways, which no query ever gets.
        """
        raise NotImplementedError

    def call(self, inputs, training=None):
        return self.episode_outputs(
            inputs["support"],
            # On several devices Keras builds metrics with floats of them.
            tf.cast(inputs["support_labels"], "int32"),
            inputs["query"],
            bool(training),
        )

    def compile(
        self,
        optimizer="adam",
        loss=None,
        metrics=("accuracy",),
        weighted_metrics=None,
        **kwargs,
    ):
        """`keras.Model.compile` with the loss and metrics of classifiers.

        Args:
            optimizer: As in Keras.
            loss: As in Keras; by default the cross-entropy of the logits.
            metrics: As in Keras. They leave padded queries out.
            weighted_metrics: As in Keras; the same as `metrics` here.
            **kwargs: As in Keras.
        """
        for name, given in (
            ("metrics", metrics),
            ("weighted_metrics", weighted_metrics),
        ):
            if not isinstance(given, list | tuple | None):
                raise invalid_argument(name, given, "a list of metrics")
        if loss is None:
            loss = self.default_loss()
        super().compile(
            optimizer=optimizer,
            loss=loss,
            # What a padded query would count, its weight of 0 takes away.
            weighted_metrics=[*(metrics or ()), *(weighted_metrics or ())],
            **kwargs,
        )

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def default_loss(self):
        """The loss of a `compile` without one."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """`keras.Model.fit` on episodes.

        Args:
            x: A dataset of episodes, as `data.episodes` makes it.
            y: Not used; the dataset holds the labels.
            batch_size: Not used.
            epochs: Number of the epoch to stop before, as in Keras.
            **kwargs: As for `keras.Model.fit`. `validation_data` are episodes
                too.

        Returns:
            The `History` of Keras.

        Raises:
            ValueError: If the data are no episodes, or an epoch of them has
                fewer steps than `steps_per_epoch`; before training.
        """
        episode_batches.check_dataset(x, "x")
        validation = kwargs.get("validation_data")
        if validation is not None:
            kwargs["validation_data"] = self._for_keras(
                validation, "validation_data"
            )
        epoch = getattr(x, "epoch", None)
        if epoch is not None and kwargs.get("steps_per_epoch"):
            # Each epoch is a new pass of a known order: see data.episodes.
            x = episode_batches.first_steps(x, kwargs.pop("steps_per_epoch"))
        x = self._for_keras(x, "x", "train_function")
        kwargs["shuffle"] = False
        kwargs["callbacks"] = [
            data_epoch.DataEpoch(epoch),
            # Or a resumed run would validate on other episodes.
            data_epoch.DataEpoch(getattr(validation, "epoch", None)),
            *data_epoch.as_list(kwargs.get("callbacks")),
        ]
        return super().fit(x, y, batch_size, epochs, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """`keras.Model.evaluate` on a dataset of episodes."""
        x = self._for_keras(x, "x", "test_function")
        return super().evaluate(x, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """`keras.Model.predict` on a dataset of episodes."""
        x = self._for_keras(x, "x", "predict_function")
        return super().predict(x, *args, **kwargs)

    def train_step(self, data):
        return super().train_step(queries_as_rows(data))

    def test_step(self, data):
        return super().test_step(queries_as_rows(data))

    def predict_step(self, data):
        x, _, _ = queries_as_rows(data)
        return super().predict_step((x,))

    def evaluate_episodes(
        self, episodes, num_episodes=1000, statistics=None, verbose=True
    ):
        """Accuracy of each of many episodes, with mean and interval.

        Args:
            episodes: A dataset of episodes. One of `data.episodes` starts with
                its epoch 0, whatever it has been used for.
            num_episodes: How many, counted in tasks.
            statistics: What batch norm uses for the queries: a name, a list of
                names, or `None` for all that this trainer knows.
            verbose: Whether a bar is shown.

        Returns:
            A dict of `meta.EpisodeScores`, by the name of the statistics.

        Raises:
            ValueError: If there are too few episodes, or a name is unknown.
        """
        modes = self.modes_of(statistics)
        values = {mode: [] for mode in modes}
        run = tf.function(
            lambda x, y: self.values_of_modes(x, y, modes),
            reduce_retracing=True,
            autograph=False,
        )
        for x, y in episode_batches.draw(episodes, num_episodes, verbose):
            for mode, value in run(x, y).items():
                values[mode].append(value.numpy())
        return {
            mode: EpisodeScores(
                self.metric_of_episodes(),
                mode,
                episode_batches.to_float64(values[mode]),
            )
            for mode in modes
        }

    def modes_of(self, statistics):
        """The names of statistics to evaluate with, checked."""
        if statistics is None:
            return self.evaluated_statistics
        given = [statistics] if isinstance(statistics, str) else statistics
        if not given or not set(given) <= set(self.evaluated_statistics):
            raise ValueError(
                f"{type(self).__name__} evaluates with the statistics "
                f"{list(self.evaluated_statistics)}. Received: "
                f"statistics={statistics!r}"
            )
        return tuple(given)

    def metric_of_episodes(self):
        """Name of what `values_of_episodes` returns."""
        return "accuracy"

    def values_of_modes(self, x, y, modes):
        """`values_of_episodes` of each mode, by its name."""
        return {mode: self.values_of_episodes(x, y, mode) for mode in modes}

    def values_of_episodes(self, x, y, statistics):
        """Accuracy of each task of a batch, float32 `(tasks,)`."""
        del statistics  # one mode only
        episode_batches.check_classes(y)
        logits = self.episode_outputs(
            x["support"], y["support"], x["query"], training=False
        )
        return accuracy_of_tasks(logits, y["query"])

    def rows_of(self, data):
        """Episodes as `(x, y, sample_weight)` of the steps of Keras."""
        return queries_as_rows(data)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        seed_state.save_seeds(self, store)

    def load_own_variables(self, store):
        super().load_own_variables(seed_state.load_seeds(self, store))

    def _for_keras(self, episodes, argument, function=None):
        """The dataset that a method of Keras is given, checked.

        Args:
            episodes: The dataset.
            argument: Name of the argument that it was given as.
            function: Name of the attribute that holds the compiled step. Keras
                would trace one with unknown numbers of rows for episodes of
                several shapes, but the number of classes must be known. So it
                is made to trace anew.

        Returns:
            The dataset.
        """
        is_ready = _is_dataset_of_rows(episodes)
        if not is_ready:
            episode_batches.check_dataset(episodes, argument)
        if function is not None:
            shapes = str(episodes.element_spec)
            if self._shapes.get(function, shapes) != shapes:
                setattr(self, function, None)
            self._shapes[function] = shapes
        if is_ready or not (self.steps_on_rows and self._has_strategy):
            return episodes
        # To build metrics on all devices, Keras calls the model on the data as
        # they are, before any step.
        return episodes.map(lambda x, y: self.rows_of((x, y)))


def queries_as_rows(data):
    """Episodes as Keras' steps take them: `(x, y, sample_weight)`.

    `x` gets the labels of the support; `y` are those of the queries, with 0
    for padding, whose weight is 0. The weights sum to the number of queries,
    so that a loss that divides by that is the mean over real ones.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if isinstance(x, dict) and "support_labels" in x:
        return x, y, sample_weight  # they are already
    if sample_weight is not None:
        raise ValueError(
            "Episodes have no weights: queries with the label -1 are left out."
        )
    episode_batches.check(x, y)
    episode_batches.check_classes(y)
    valid = tf.cast(y["query"] >= 0, "float32")
    weights = valid * (
        tf.cast(tf.size(valid), "float32")
        / tf.maximum(tf.reduce_sum(valid), 1.0)
    )
    inputs = {**x, "support_labels": y["support"]}
    return inputs, tf.maximum(y["query"], 0), weights


def accuracy_of_tasks(logits, labels):
    """Share of right answers of each task, padded queries left out."""
    hits = tf.equal(tf.argmax(logits, -1, tf.int32), tf.cast(labels, tf.int32))
    return episode_batches.mean_of_each_task(tf.cast(hits, "float32"), labels)


def _is_dataset_of_rows(data):
    spec = getattr(data, "element_spec", None)
    is_triple = isinstance(spec, tuple) and len(spec) == 3
    return (
        is_triple and isinstance(spec[0], dict) and "support_labels" in spec[0]
    )
