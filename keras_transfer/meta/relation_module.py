"""The learnt comparison of relation networks."""

import math

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.ops.prototypes import check_class_count
from keras_transfer.training.fused_batch_norm import fused_batch_norm

#: The authors' 1e-5, rounded up to what the fused kernel takes.
_EPSILON = 1.001e-5


@public("meta")
class RelationModule(keras.layers.Layer):
    """Tells from two feature maps, joined, how well they belong together.

    Layers, from maps `(rows, height, width, 2 * c)` whose first half of filters
    is the class and whose second half is the query:

        2 x (3x3 convolution, batch norm, 2x2 max-pooling, ReLU)
        dense layer of `units`, ReLU
        dense layer of 1, sigmoid

    A map of height or width 1 is not pooled any more. Convolutions and dense
    layers begin as in the authors' code.

    `compare` gives the same scores of all pairs of classes and queries, but
    takes the first convolution of each class and each query only once, since it
    is linear. Measured on Omniglot images, that is a quarter of a whole step of
    training with 5 ways, and half of one with 20.

    Args:
        filters: Number of filters of both convolutions.
        units: Width of the dense layer.
        **kwargs: Passed to `keras.layers.Layer`.

    Output shape:
        `(rows, 1)`, float32 (or float64) under any policy.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> module = kt.meta.RelationModule()
    >>> module(np.random.rand(6, 5, 5, 2 * 64)).shape
    TensorShape([6, 1])

    Reference:

    - [Sung et al., 2018, Learning to Compare: Relation Network for Few-Shot
      Learning, figure 2](https://arxiv.org/abs/1711.06025)
    """

    def __init__(self, filters=64, units=8, **kwargs):
        check_class_count("filters", filters)
        check_class_count("units", units)
        super().__init__(**kwargs)
        self.filters = int(filters)
        self.units = int(units)

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if None in (height, width) or channels is None or channels % 2:
            raise ValueError(
                "A relation module compares two maps of known size, joined to "
                "(rows, height, width, 2 * filters). Received shape "
                f"{tuple(input_shape)}. Give the encoder an input of fixed "
                "size, or pass a `relation` of your own."
            )
        # The kernel of the joined maps in two halves; batch norm has the bias.
        self.class_convolution = self._convolution("class_convolution")
        self.query_convolution = self._convolution("query_convolution")
        self.convolution = self._convolution("convolution")
        self.norms, self.pools = [], []
        for block in (1, 2):
            self.norms.append(
                keras.layers.BatchNormalization(
                    momentum=0.9,
                    epsilon=_EPSILON,
                    dtype=self.dtype_policy,
                    name=f"batch_norm_{block}",
                )
            )
            self.pools.append(min(height, width) > 1)
            if self.pools[-1]:
                height, width = height // 2, width // 2
        self.hidden = self._dense(self.units, "relu", self.dtype_policy)
        # Half precision would round small scores to 0.
        wide = keras.backend.result_type(self.variable_dtype, "float32")
        self.score = self._dense(1, "sigmoid", wide)
        maps = (None, None, None, channels // 2)
        self.class_convolution.build(maps)
        self.query_convolution.build(maps)
        filters = (None, None, None, self.filters)
        self.convolution.build(filters)
        for norm in self.norms:
            norm.build(filters)
        self.hidden.build((None, height * width * self.filters))
        self.score.build((None, self.units))

    def call(self, inputs, training=None):
        class_maps, query_maps = ops.split(inputs, 2, axis=-1)
        return self._scores(
            self.class_convolution(class_maps)
            + self.query_convolution(query_maps),
            training,
        )

    def compare(self, class_maps, query_maps, tasks, training=None):
        """Scores of each class for all queries of its task.

        Args:
            class_maps: `(classes, height, width, c)`, of any tasks.
            query_maps: `(tasks, queries, height, width, c)`.
            tasks: Integers `(classes,)`, the task of each class.
            training: Python boolean.

        Returns:
            `(classes, queries)`.
        """
        shape = ops.shape(query_maps)
        classes = self.class_convolution(class_maps)
        queries = self.query_convolution(
            ops.reshape(query_maps, (-1, *shape[2:]))
        )
        maps = queries.shape[1:]
        queries = ops.reshape(queries, (*shape[:2], *maps))
        pairs = ops.expand_dims(classes, 1) + ops.take(queries, tasks, axis=0)
        scores = self._scores(ops.reshape(pairs, (-1, *maps)), training)
        return ops.reshape(scores, (-1, shape[1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "units": self.units,
        }

    def _scores(self, maps, training):
        """Scores `(rows, 1)` of what the first convolution returns."""
        maps = self._end_of_block(0, maps, training)
        maps = self._end_of_block(1, self.convolution(maps), training)
        features = ops.reshape(maps, (-1, math.prod(maps.shape[1:])))
        return self.score(self.hidden(features))

    def _end_of_block(self, block, maps, training):
        maps = self.norms[block](maps, training=training)
        if self.pools[block]:
            # The same as ReLU before pooling, and a quarter of the work.
            maps = ops.max_pool(maps, 2, data_format="channels_last")
        return ops.relu(maps)

    def _convolution(self, name):
        deviation = math.sqrt(2 / (3 * 3 * self.filters))
        return keras.layers.Conv2D(
            self.filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(0.0, deviation),
            data_format="channels_last",
            dtype=self.dtype_policy,
            name=name,
        )

    def _dense(self, units, activation, dtype):
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=keras.initializers.RandomNormal(0.0, 0.01),
            bias_initializer="ones",
            dtype=dtype,
            name=f"dense_{activation}",
        )


def check(relation, map_shape):
    """Raises unless a relation compares maps `(height, width, c)`; builds it.

    Args:
        relation: A `RelationModule`, another layer, or a built model.
        map_shape: Shape of one map of the encoder.
    """
    *size, channels = map_shape
    pairs = (None, *size, 2 * channels)
    if not isinstance(relation, keras.layers.Layer):
        raise invalid_argument(
            "relation", relation, "a keras.Model, a layer or None"
        )
    if not relation.built:
        relation.build(pairs)
    try:
        shape = tuple(relation.compute_output_shape(pairs))
    except ValueError as error:
        raise ValueError(_wrong(relation, pairs, error)) from error
    if shape[1:] != (1,):
        raise ValueError(_wrong(relation, pairs, f"It returns {shape}."))


def compare(relation, class_maps, query_maps, tasks, training):
    """`RelationModule.compare`, with any model of joined maps."""
    if isinstance(relation, RelationModule):
        with fused_batch_norm(relation):
            return relation.compare(class_maps, query_maps, tasks, training)
    queries = ops.take(query_maps, tasks, axis=0)
    classes = ops.broadcast_to(
        ops.expand_dims(class_maps, 1), ops.shape(queries)
    )
    pairs = ops.concatenate([classes, queries], axis=-1)
    shape = ops.shape(queries)
    with fused_batch_norm(relation):
        scores = relation(
            ops.reshape(pairs, (-1, *pairs.shape[2:])), training=training
        )
    return ops.reshape(scores, (-1, shape[1]))


def _wrong(relation, pairs, reason):
    return (
        f"The relation {relation.name!r} must be a model from the maps of a "
        f"class and a query, joined to {pairs}, to one score, (rows, 1). "
        f"{reason}"
    )
