"""Memory-augmented networks."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.layers.memory_cell import LeastRecentlyUsedMemoryCell
from keras_transfer.meta import batch_statistics
from keras_transfer.meta import encoders
from keras_transfer.meta import episode_batches
from keras_transfer.meta import sequences
from keras_transfer.meta import support_set
from keras_transfer.meta.episode_scores import EpisodeScores
from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.meta.episodic_trainer import queries_as_rows
from keras_transfer.meta.memory_head import MemoryHead
from keras_transfer.ops.prototypes import ABSENT
from keras_transfer.ops.prototypes import check_class_count

#: Where the order of a sequence must not change from call to call.
_FIXED_ORDER = (0, 0)
#: A memory that is found out in hundreds of steps. More units or slots let the
#: loss rest for long where classes are told by elimination.
_CELL = {
    "units": 128,
    "num_slots": 32,
    "write_key": "separate",
    "least_used": "per_head",
    "sharpness": 10.0,
}
#: Of the published table.
_SHOWINGS = (1, 2, 3, 5, 10)


@public("meta")
class MemoryAugmentedNetwork(EpisodicTrainer):
    """Learns to keep new classes in an external memory while it is running.

    An episode is a sequence: its examples, support and query alike, in random
    order, each with the label of the example before it. The answer at every
    step counts:

        input_t = [f(x_t), onehot(y_{t-1})],    y_{-1} = 0
        h_t, r_t = LeastRecentlyUsedMemoryCell(input_t)
        loss = mean over t of crossentropy(W [h_t, r_t] + b, y_t)

    When a class is shown first, nobody can know its label; from the second
    showing on, the memory can. So with 5 ways, 1 shot and 9 queries a
    sequence has 50 steps, 10 of each class, as published. Labels must mean
    another class in each episode, as in `data.episodes`.

    Training begins on a plateau, where classes that have not come yet are told
    by elimination, and leaves it when the memory is found out; then it is
    quick. What makes the plateau short: sharp reads, few slots and a small
    controller, as the default cell has them; an encoder that can tell examples
    apart, such as one trained before, its features normalized; Adam with 1e-3
    or 2e-3; short sequences to begin with (`queries=3`, then 9). The authors
    train theirs on pixels for 100,000 episodes.

    Training, `evaluate` and `evaluate_showings` work on sequences. `predict`,
    `evaluate_episodes` and `adapt` ask as other few-shot learners do: the
    support is shown with its labels, then each query alone, from the same
    memory; no query sees another. There the last label of the support comes
    with the query.

    Bad at: many classes and more shots than were trained; speed, as time does
    not run in parallel. An embedding that is compared, as in
    `PrototypicalNetwork`, is more accurate.

    Args:
        encoder: A built `keras.Model` from one example, or a structure of
            inputs, to features `(rows, d)`. `None` for examples as they are,
            flat, as in the paper; say their `example_shape`.
        ways: The most classes of an episode. It is the number of logits.
        cell: A `layers.LeastRecentlyUsedMemoryCell`; by default one with
            `units=128`, `num_slots=32`, `write_key="separate"`,
            `least_used="per_head"` and `sharpness=10`, which learns sooner
            than the published one, `LeastRecentlyUsedMemoryCell()`.
        example_shape: Shape of an example, if there is no encoder.
        seed: Integer for the order of sequences in training, or `None`.
        **kwargs: Passed to `keras.Model`.

    Call arguments:
        inputs: Dict of `examples` `(tasks, steps, ...)` and `labels` int32
            `(tasks, steps)`, -1 for padding, which must come last.

    Output shape:
        `(tasks, steps, ways)`, float32.

    Note: batch norm in the encoder takes its statistics in training from all
    steps of all tasks of a batch, afterwards the moving ones.

    Note: the published inputs are 20 x 20 pixels. `example_map=lambda images:
    tf.image.resize(images, (20, 20), antialias=True)` of `data.episodes` makes
    them; it is also the place to turn and shift them at random.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> network = kt.meta.MemoryAugmentedNetwork(
    ...     example_shape=(4,),
    ...     ways=3,
    ...     cell=kt.layers.LeastRecentlyUsedMemoryCell(8, 16, 4, 2),
    ... )
    >>> network.compile("adam")
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(
    ...     x, y, ways=3, shots=1, queries=4, tasks=2, steps_per_epoch=4
    ... )
    >>> history = network.fit(episodes, epochs=2, verbose=0)
    >>> scores = network.evaluate_showings(episodes, 8, [1, 2], verbose=False)
    >>> sorted(scores), scores[2].num_episodes
    ([1, 2], 8)
    >>> classifier = network.adapt(x[:20], y[:20])
    >>> classifier(x[:7]).shape
    TensorShape([7, 2])

    Reference:

    - [Santoro et al., 2016, Meta-Learning with Memory-Augmented Neural
      Networks](https://proceedings.mlr.press/v48/santoro16.html)
    """

    def __init__(
        self,
        encoder=None,
        ways=5,
        cell=None,
        example_shape=None,
        seed=None,
        **kwargs,
    ):
        check_class_count("ways", ways)
        encoder = _encoder(encoder, example_shape)
        if cell is None:
            cell = LeastRecentlyUsedMemoryCell(**_CELL, name="memory")
        elif not isinstance(cell, LeastRecentlyUsedMemoryCell):
            raise invalid_argument(
                "cell", cell, "a layers.LeastRecentlyUsedMemoryCell"
            )
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.ways = int(ways)
        self.cell = cell
        self.example_shape = example_shape and tuple(example_shape)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.classifier = keras.layers.Dense(
            self.ways, dtype=cell.variable_dtype, name="classifier"
        )
        if not cell.built:
            cell.build((None, encoder.output_shape[-1] + self.ways))
        self.classifier.build((None, cell.output_size))
        self.built = True

    # === Sequences ===

    def call(self, inputs, training=None):
        if "support" in inputs:
            return super().call(inputs, training)
        examples = inputs["examples"]
        features = self.encoder(
            episode_batches.fold_tasks(examples), training=bool(training)
        )
        tasks = tf.shape(inputs["labels"])[0]
        features = episode_batches.unfold_tasks(features, tasks)
        labels = tf.cast(inputs["labels"], tf.int32)
        late = sequences.one_step_late(labels, self.ways)
        outputs, _ = sequences.run(
            self.cell,
            self._inputs(features, late),
            self.cell.get_initial_state(tasks),
        )
        return self.classifier(outputs)

    def train_step(self, data):
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        return keras.Model.train_step(self, sequence_rows(data, seed))

    def test_step(self, data):
        return keras.Model.test_step(self, sequence_rows(data, _FIXED_ORDER))

    def evaluate_showings(
        self, episodes, num_episodes=1000, showings=_SHOWINGS, verbose=True
    ):
        """Accuracy at the first, second, ... showing of a class.

        Args:
            episodes: A dataset of episodes. One of `data.episodes` starts with
                its epoch 0, whatever it has been used for.
            num_episodes: How many, counted in tasks.
            showings: Positive integers; at most shots + queries.
            verbose: Whether a bar is shown.

        Returns:
            A dict of `meta.EpisodeScores`, by the showing.

        Raises:
            ValueError: If there are too few episodes, or no class of an
                episode is shown so often.
        """
        run = tf.function(
            lambda x, y: self._values_of_showings(x, y, tuple(showings)),
            reduce_retracing=True,
            autograph=False,
        )
        values = episode_batches.to_float64(
            [
                run(x, y).numpy()
                for x, y in episode_batches.draw(
                    episodes, num_episodes, verbose
                )
            ]
        )
        missing = np.isnan(values).any(axis=0)
        if missing.any():
            raise invalid_argument(
                "showings",
                showings,
                "numbers from 1 to shots + queries of the episodes",
            )
        (statistics,) = self.evaluated_statistics
        return {
            showing: EpisodeScores("accuracy", statistics, values[:, column])
            for column, showing in enumerate(showings)
        }

    def _values_of_showings(self, x, y, showings):
        examples, labels = sequences.joined(x, y, _FIXED_ORDER)
        logits = self({"examples": examples, "labels": labels}, training=False)
        answers = tf.argmax(logits, -1, tf.int32)
        hits = tf.cast(tf.equal(answers, labels), "float32")
        shown = sequences.showings(labels, self.ways)
        return tf.stack(
            [
                sequences.accuracy_at(showing, hits, labels, shown)
                for showing in showings
            ],
            axis=-1,
        )

    # === Support, then queries ===

    @property
    def evaluated_statistics(self):
        has = batch_statistics.has_batch_norm(self.encoder)
        return ("moving",) if has else ("none",)

    def episode_outputs(self, support, labels, query, training):
        support, query = encoders.embed_together(
            self.encoder, support, query, training
        )
        last, states = self._after(support, labels)
        number = query.shape[1] or tf.shape(query)[1]
        last, *states = [
            tf.repeat(value, number, axis=0) for value in (last, *states)
        ]
        inputs = self._inputs(episode_batches.fold_tasks(query), last)
        outputs, _ = self.cell(inputs, states)
        logits = tf.reshape(self.classifier(outputs), [-1, number, self.ways])
        is_shown = tf.reduce_max(tf.one_hot(labels, self.ways), axis=1) > 0
        return tf.where(is_shown[:, None], logits, ABSENT)

    def adapt(self, x, y):
        """A plain classifier of the classes of a support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Integers `(rows,)` from 0 to the number of classes less 1.

        Returns:
            A `keras.Model` from examples to logits `(rows, classes)`. It holds
            the encoder itself, a copy of the cell, and what the memory holds
            when the support has been shown.

        Raises:
            ValueError: If there are more classes than `ways`.
        """
        features, labels, num_classes = support_set.check(
            self.encoder.predict(x, verbose=0), y
        )
        if num_classes > self.ways:
            raise ValueError(
                f"This network knows the labels 0 to {self.ways - 1}. "
                f"Received: a support of {num_classes} classes. Train one "
                "with more `ways`; smaller episodes are no hindrance."
            )
        last, states = self._after(tf.constant(features)[None], labels[None])
        head = MemoryHead(
            LeastRecentlyUsedMemoryCell.from_config(self.cell.get_config()),
            keras.layers.Dense.from_config(self.classifier.get_config()),
            self.ways,
            num_classes,
            dtype=self.cell.compute_dtype,
            name="memory_head",
        )
        head.build((None, features.shape[-1]))
        head.cell.set_weights(self.cell.get_weights())
        head.classifier.set_weights(self.classifier.get_weights())
        head.remember(last, states)
        return encoders.with_head(self.encoder, head)

    def _after(self, features, labels):
        """The last label, one-hot, and the states after the support."""
        # Shots come class after class, which was never seen in training.
        features, labels = sequences.shuffled(
            features, tf.cast(labels, tf.int32), _FIXED_ORDER
        )
        is_shown = labels >= 0
        late = sequences.one_step_late(labels, self.ways)
        states = self.cell.get_initial_state(tf.shape(labels)[0])
        _, states = sequences.run(
            self.cell, self._inputs(features, late), states, is_shown
        )
        count = tf.reduce_sum(tf.cast(is_shown, tf.int32), axis=1)
        last = tf.gather(labels, tf.maximum(count - 1, 0), batch_dims=1)
        return tf.one_hot(last, self.ways), states

    def _inputs(self, features, late):
        """What the cell takes: features beside labels."""
        dtype = self.cell.compute_dtype
        return tf.concat([tf.cast(features, dtype), tf.cast(late, dtype)], -1)

    # === Config ===

    def get_config(self):
        encoder = None
        if self.example_shape is None:
            encoder = keras.saving.serialize_keras_object(self.encoder)
        return {
            **super().get_config(),
            "encoder": encoder,
            "ways": self.ways,
            "cell": keras.saving.serialize_keras_object(self.cell),
            "example_shape": self.example_shape,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("encoder", "cell")
        }
        return cls(**{**config, **parts})


def _encoder(encoder, example_shape):
    """The given encoder, checked, or one that takes examples as they are."""
    if (encoder is None) == (example_shape is None):
        raise ValueError(
            "Give either an `encoder`, or for flat examples their "
            f"`example_shape`. Received: encoder={encoder!r}, "
            f"example_shape={example_shape!r}"
        )
    if encoder is None:
        encoder = keras.Sequential(
            [keras.Input(tuple(example_shape)), keras.layers.Flatten()],
            name="flat",
        )
    encoders.check(encoder)
    return encoder


def sequence_rows(data, seed):
    """Episodes as Keras' steps take sequences: `(x, y, sample_weight)`.

    Args:
        data: Episodes, or what `episodic_trainer.queries_as_rows` makes of
            them.
        seed: Two integers for the order.

    Returns:
        As `queries_as_rows` does, with the weight of every step.
    """
    x, query_labels, weights = queries_as_rows(data)
    labels = {
        "support": x["support_labels"],
        "query": tf.where(weights > 0, query_labels, -1),
    }
    examples, labels = sequences.joined(x, labels, seed)
    valid = tf.cast(labels >= 0, "float32")
    weights = valid * (
        tf.cast(tf.size(valid), "float32")
        / tf.maximum(tf.reduce_sum(valid), 1.0)
    )
    inputs = {"examples": examples, "labels": labels}
    return inputs, tf.maximum(labels, 0), weights
