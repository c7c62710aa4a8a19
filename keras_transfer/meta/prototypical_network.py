"""Prototypical Networks."""

import keras

from keras_transfer._public import public
from keras_transfer.layers import PrototypeHead
from keras_transfer.meta import encoders
from keras_transfer.meta.episodic_trainer import EpisodicTrainer


@public("meta")
class PrototypicalNetwork(EpisodicTrainer):
    """Trains an encoder so that classes are known by their mean feature.

    Formula, with `f` the encoder and `c_k` the mean of `f` over the support of
    class `k`:

        p(k | x) = softmax_k(-||f(x) - c_k||^2 / temperature)

    and the loss is the cross-entropy of the queries. `compile` and `fit` are
    those of Keras; `fit` takes `data.episodes`. Train with more ways than
    will be met, such as 60 for 5: the more classes in an episode, the harder
    it is to tell them apart.

    Support and queries of all tasks of a batch go through the encoder
    together, and batch norm takes its statistics from all of them, as the
    authors train. With `tasks=1` that is one episode. Afterwards, in
    `evaluate`, `predict` and `evaluate_episodes`, batch norm uses its moving
    statistics: no query sees another.

    The encoder is trained in place and is the result; `adapt` makes a plain
    classifier of it.

    Bad at: classes that fill several clusters; support with wrong labels; new
    domains, for which nothing but the means is adapted.

    Args:
        encoder: A built `keras.Model` from one example, or a structure of
            inputs, to features `(rows, d)`.
        distance: `"euclidean"` or `"cosine"`, see `layers.PrototypeHead`.
        temperature: Divides the logits; with `"cosine"` try 0.1.
        learn_temperature: Whether the temperature is trained too.
        **kwargs: Passed to `keras.Model`.

    Call arguments:
        inputs: Dict of `support` `(tasks, support, ...)`, `support_labels`
            `(tasks, support)` and `query` `(tasks, queries, ...)`.

    Output shape:
        `(tasks, queries, support)`, float32. Column `k` is class `k`; there
        are as many columns as support rows, the most classes that there can
        be, and those without support hold -1e30.

    Note: rows that pad an episode of variable ways or shots count in the
    batch statistics of training, nowhere else.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> network = kt.meta.PrototypicalNetwork(encoder)
    >>> network.compile("adam")
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(
    ...     x, y, ways=5, shots=2, queries=3, tasks=1, steps_per_epoch=4
    ... )
    >>> history = network.fit(episodes, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> scores = network.evaluate_episodes(episodes, 8, verbose=False)
    >>> scores["moving"].num_episodes
    8
    >>> classifier = network.adapt(x[:20], y[:20])
    >>> classifier(x[:7]).shape
    TensorShape([7, 2])

    Reference:

    - [Snell et al., 2017, Prototypical Networks for Few-shot Learning,
      eq. 1-2 and section 3](https://arxiv.org/abs/1703.05175)
    """

    def __init__(
        self,
        encoder,
        distance="euclidean",
        temperature=1.0,
        learn_temperature=False,
        **kwargs,
    ):
        encoders.check(encoder)
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.distance = distance
        self.temperature = temperature
        self.learn_temperature = learn_temperature
        self.head = PrototypeHead(
            distance, temperature, learn_temperature, name="prototypes"
        )
        self.built = True

    def episode_outputs(self, support, labels, query, training):
        support, query = encoders.embed_together(
            self.encoder, support, query, training
        )
        return self.head(
            query,
            support=support,
            support_labels=labels,
            ways=support.shape[1],
        )

    def adapt(self, x, y):
        """A plain classifier of the classes of a support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Integers `(rows,)` from 0 to the number of classes less 1.

        Returns:
            A `keras.Model` from examples to logits `(rows, classes)`. It holds
            the encoder itself, not a copy, and fixed prototypes; `add_class`
            of its last layer adds a class later.
        """
        head = PrototypeHead(
            self.distance,
            float(self.head.current_temperature),
            name="prototypes",
        )
        head.adapt(self.encoder.predict(x, verbose=0), y)
        return encoders.with_head(self.encoder, head)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "distance": self.distance,
            "temperature": self.temperature,
            "learn_temperature": self.learn_temperature,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})
