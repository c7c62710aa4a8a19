"""Relation Networks."""

import keras
import tensorflow as tf

from keras_transfer._public import public
from keras_transfer.meta import encoders
from keras_transfer.meta import relation_module
from keras_transfer.meta import support_set
from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.meta.relation_head import RelationHead
from keras_transfer.meta.relation_head import class_sums
from keras_transfer.meta.relation_loss import RelationLoss
from keras_transfer.meta.relation_module import RelationModule


@public("meta")
class RelationNetwork(EpisodicTrainer):
    """Trains an encoder together with a network that compares its maps.

    Formula, with `f` the encoder, `c_k` the sum of `f` over the support of
    class `k`, and `r` the relation:

        score_k = r(join(c_k, f(x)))

    and the loss is the squared error of the scores against 1 for the class of a
    query and 0 for the others, `meta.RelationLoss`.

    `compile` and `fit` are those of Keras; `fit` takes `data.episodes`. The
    authors train with Adam, a rate of 0.001, and clip gradients.

    Encoder and relation are trained in place; `adapt` makes a plain classifier
    of them.

    Bad at: another number of shots than in training, with which the sums grow;
    new domains.

    Args:
        encoder: A built `keras.Model` from one example, or a structure of
            inputs, to feature maps `(rows, height, width, c)`.
        relation: A `meta.RelationModule`, or a model from joined maps `(rows,
            height, width, 2 * c)`, class first, to a score `(rows, 1)` from 0
            to 1. `None` is the module of the paper.
        **kwargs: Passed to `keras.Model`.

    Call arguments:
        inputs: Dict of `support` `(tasks, support, ...)`, `support_labels`
            `(tasks, support)` and `query` `(tasks, queries, ...)`.

    Output shape:
        `(tasks, queries, support)`, float32: scores from 0 to 1, no logits.
        Column `k` is class `k`; there are as many columns as support rows, and
        those without support hold 0.

    Note: only pairs with a class that is there are compared, a number that a
    compiler cannot know: XLA (`jit_compile=True`) is not possible.

    Note: in training batch norm takes its statistics from support and queries
    of all tasks of a batch, and in the relation from all pairs; padded rows
    count there, nowhere else. Afterwards it uses its moving statistics. The
    authors also test with the statistics of the queries that are tested, and
    encode support and queries apart.

    Note: the authors turn all classes of an episode by the same angle. With
    `data.episodes(rotations=True)` turned classes are classes of their own.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential(
    ...     [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, strides=2)]
    ... )
    >>> network = kt.meta.RelationNetwork(encoder)
    >>> network.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0))
    >>> x, y = np.random.rand(60, 8, 8, 1), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(
    ...     x, y, ways=5, shots=1, queries=3, tasks=1, steps_per_epoch=4
    ... )
    >>> history = network.fit(episodes, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> classifier = network.adapt(x[:20], y[:20])
    >>> classifier(x[:7]).shape
    TensorShape([7, 2])

    Reference:

    - [Sung et al., 2018, Learning to Compare: Relation Network for Few-Shot
      Learning, section 3](https://arxiv.org/abs/1711.06025)
    """

    def __init__(self, encoder, relation=None, **kwargs):
        encoders.check(encoder, rank=4)
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.supports_jit = False
        self.encoder = encoder
        if relation is None:
            relation = RelationModule(dtype=self.dtype_policy)
        relation_module.check(relation, encoder.output_shape[1:])
        self.relation = relation
        self.built = True

    def default_loss(self):
        return RelationLoss()

    def episode_outputs(self, support, labels, query, training):
        support, query = encoders.embed_together(
            self.encoder, support, query, training
        )
        classes = support.shape[1]
        maps, counts = class_sums(support, labels, classes)
        # Task and number of each class that is there.
        places = tf.where(counts > 0)
        maps = tf.cast(tf.gather_nd(maps, places), query.dtype)
        scores = relation_module.compare(
            self.relation, maps, query, places[:, 0], training
        )
        # A score of half precision would round what the loss subtracts.
        scores = tf.cast(
            scores, keras.backend.result_type(scores.dtype, "float32")
        )
        shape = tf.shape(query, tf.int64)
        scores = tf.scatter_nd(places, scores, [shape[0], classes, shape[1]])
        scores = tf.ensure_shape(
            scores, [query.shape[0], classes, query.shape[1]]
        )
        wrong = tf.reduce_any(labels >= classes, axis=-1)
        scores = tf.where(wrong[:, None, None], float("nan"), scores)
        return tf.linalg.matrix_transpose(scores)

    def adapt(self, x, y):
        """A plain classifier of the classes of a support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Integers `(rows,)` from 0 to the number of classes less 1.

        Returns:
            A `keras.Model` from examples to scores `(rows, classes)`. It holds
            the encoder and the relation themselves, no copies, and fixed class
            maps.
        """
        features, labels, num_classes = support_set.check(
            self.encoder.predict(x, verbose=0), y
        )
        head = RelationHead(
            num_classes, features.shape[1:], self.relation, name="relation"
        )
        head.adapt(features, labels)
        return encoders.with_head(self.encoder, head)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "relation": keras.saving.serialize_keras_object(self.relation),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder, relation = (
            keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("encoder", "relation")
        )
        return cls(**{**config, "encoder": encoder, "relation": relation})
