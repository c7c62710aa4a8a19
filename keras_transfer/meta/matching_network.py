"""Matching Networks."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.meta import encoders
from keras_transfer.meta import support_set
from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.meta.matching_head import MatchingHead
from keras_transfer.meta.matching_head import class_log_probabilities
from keras_transfer.meta.query_context import QueryContext
from keras_transfer.meta.support_context import SupportContext


@public("meta")
class MatchingNetwork(EpisodicTrainer):
    """Trains an encoder so that attention over labelled examples answers.

    Formula, with `f` and `g` the embeddings of a query and of the support,
    `y_i` the labels of the support:

        a_i = softmax_i(cos(f(x), g(x_i)) / temperature)
        p(k | x) = sum of a_i over i with y_i = k

    and the loss is the mean of -log p over the queries. Without full context
    `f` and `g` are the encoder. With it, `g` has read the whole support
    (`meta.SupportContext`, a bidirectional LSTM) and `f` too
    (`meta.QueryContext`, an attention LSTM).

    `compile` and `fit` are those of Keras; `fit` takes `data.episodes`. Support
    and queries of all tasks of a batch go through the encoder together; see
    `meta.PrototypicalNetwork` on what batch norm does.

    The encoder is trained in place and is the result, together with the context
    layers if there are any; `adapt` makes a plain classifier of them.

    Bad at: many shots, each of which is compared by itself; new domains. With
    full context the order of the support matters a little, and a training with
    few shots does not carry over to many.

    Args:
        encoder: A built `keras.Model` from one example, or a structure of
            inputs, to features `(rows, d)`. Its features had better take both
            signs: after a ReLU no cosine is below 0.
        full_context: Whether features are changed by the context.
        processing_steps: Number of steps of the attention LSTM.
        temperature: Positive number that divides the cosines: initial value if
            it is learnt. The paper has none, which is 1: no class of 5 gets
            more than 0.65 then, and training is slow. Of 20-way episodes on
            Omniglot, 600 lead to 92.4 % in 5-way ones with 1, and to 96.0 %
            with 0.1.
        learn_temperature: Whether the temperature is trained too.
        seed: Integer for the order in which the support is read, or `None` for
            one at random, which the config then keeps.
        **kwargs: Passed to `keras.Model`.

    Call arguments:
        inputs: Dict of `support` `(tasks, support, ...)`, `support_labels`
            `(tasks, support)` and `query` `(tasks, queries, ...)`.

    Output shape:
        `(tasks, queries, support)`, float32: logarithms of probabilities,
        which are logits too. Column `k` is class `k`; there are as many
        columns as support rows, and those without support hold -1e30.

    Note: rows that pad an episode count in the batch statistics of training,
    nowhere else.

    Note: the paper begins the attention LSTM with an unnamed state. It is 0
    here, so that the first read is the mean of the support.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> network = kt.meta.MatchingNetwork(encoder, full_context=True)
    >>> network.compile("adam")
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(
    ...     x, y, ways=5, shots=2, queries=3, tasks=1, steps_per_epoch=4
    ... )
    >>> history = network.fit(episodes, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> classifier = network.adapt(x[:20], y[:20])
    >>> classifier(x[:7]).shape
    TensorShape([7, 2])

    Reference:

    - [Vinyals et al., 2016, Matching Networks for One Shot Learning, section
      2.1](https://arxiv.org/abs/1606.04080)
    """

    def __init__(
        self,
        encoder,
        full_context=False,
        processing_steps=5,
        temperature=0.1,
        learn_temperature=False,
        seed=None,
        **kwargs,
    ):
        encoders.check(encoder)
        _check_temperature(temperature)
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.full_context = bool(full_context)
        self.temperature = float(temperature)
        self.learn_temperature = bool(learn_temperature)
        support_context = SupportContext(seed, dtype=self.dtype_policy)
        query_context = QueryContext(processing_steps, dtype=self.dtype_policy)
        self.seed = support_context.seed
        self.processing_steps = query_context.processing_steps
        self.support_context = self.query_context = None
        if self.full_context:
            shape = (None, None, encoder.output_shape[-1])
            for context in (support_context, query_context):
                context.build(shape)
            self.support_context = support_context
            self.query_context = query_context
        self._log_temperature = None
        if self.learn_temperature:
            self._log_temperature = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(math.log(temperature)),
                dtype=keras.backend.result_type(self.variable_dtype, "float32"),
                autocast=False,
                name="log_temperature",
            )
        self.built = True

    @property
    def current_temperature(self):
        """The number that divides the cosines: as given, or as learnt."""
        if self._log_temperature is None:
            return self.temperature
        return ops.exp(self._log_temperature)

    def episode_outputs(self, support, labels, query, training):
        support, query = encoders.embed_together(
            self.encoder, support, query, training
        )
        if self.full_context:
            support = self.support_context(
                support, support_labels=labels, training=training
            )
            query = self.query_context(
                query, support=support, support_labels=labels
            )
        return class_log_probabilities(
            query, support, labels, support.shape[1], self.current_temperature
        )

    def adapt(self, x, y):
        """A plain classifier of the classes of a support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Integers `(rows,)` from 0 to the number of classes less 1.

        Returns:
            A `keras.Model` from examples to logarithms of probabilities
            `(rows, classes)`. It holds the encoder itself, not a copy, so too
            the attention LSTM, and the embedded support.
        """
        features, labels, num_classes = support_set.check(
            self.encoder.predict(x, verbose=0), y
        )
        if self.full_context:
            features = ops.convert_to_numpy(
                self.support_context(features[None], training=False)[0]
            )
        head = MatchingHead(
            *features.shape,
            num_classes,
            float(self.current_temperature),
            self.query_context,
            name="matching",
        )
        head.adapt(features, labels)
        return encoders.with_head(self.encoder, head)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "full_context": self.full_context,
            "processing_steps": self.processing_steps,
            "temperature": self.temperature,
            "learn_temperature": self.learn_temperature,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})


def _check_temperature(temperature):
    is_number = isinstance(temperature, numbers.Real)
    if not is_number or not 0 < temperature < math.inf:
        raise invalid_argument("temperature", temperature, "a positive number")
