"""A classifier by learnt comparison with fixed classes."""

import keras
from keras import ops

from keras_transfer._public import public
from keras_transfer.meta import relation_module
from keras_transfer.meta import support_set
from keras_transfer.ops.prototypes import class_means


@public("meta")
class RelationHead(keras.layers.Layer):
    """Scores feature maps against the maps of fixed classes.

    It is the last layer of what `meta.RelationNetwork.adapt` returns. The map
    of a class, the sum of those of its support, is a weight of it and saved
    with the model.

    Args:
        num_classes: Number of classes.
        map_shape: Shape of one feature map, `(height, width, c)`.
        relation: `meta.RelationModule`, or a model in its place; `None` for a
            new one.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Feature maps `(rows, height, width, c)`.

    Output shape:
        `(rows, num_classes)`, float32: scores from 0 to 1, which do not sum to
        1. A class without support has 0.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> head = kt.meta.RelationHead(num_classes=3, map_shape=(5, 5, 4))
    >>> head.adapt(np.random.rand(6, 5, 5, 4), np.array([0, 1, 2, 0, 1, 2]))
    >>> head(np.random.rand(7, 5, 5, 4)).shape
    TensorShape([7, 3])
    """

    def __init__(self, num_classes, map_shape, relation=None, **kwargs):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.num_classes = int(num_classes)
        self.map_shape = tuple(map_shape)
        self.relation = relation
        if relation is None:
            self.relation = relation_module.RelationModule(
                dtype=self.dtype_policy
            )
        relation_module.check(self.relation, self.map_shape)
        self.class_maps = self.add_weight(
            shape=(self.num_classes, *self.map_shape),
            initializer="zeros",
            dtype=keras.backend.result_type(self.variable_dtype, "float32"),
            autocast=False,
            trainable=False,
            name="class_maps",
        )
        self.counts = self.add_weight(
            shape=(self.num_classes,),
            initializer="zeros",
            dtype="int32",
            autocast=False,
            trainable=False,
            name="counts",
        )
        self.built = True

    def adapt(self, features, labels):
        """Sets the maps of the classes.

        Args:
            features: Array or tensor `(rows, height, width, c)`.
            labels: Integers `(rows,)`, from 0 to `num_classes - 1`.

        Raises:
            ValueError: If they do not fit each other or the head.
        """
        features, labels, num_classes = support_set.check(features, labels)
        if features.shape[1:] != self.map_shape:
            raise ValueError(
                f"The head {self.name!r} was made for maps of shape "
                f"{self.map_shape}. Received: {features.shape[1:]}."
            )
        if num_classes > self.num_classes:
            raise ValueError(
                f"The head {self.name!r} was made for {self.num_classes} "
                f"classes. Received a label of {num_classes - 1}."
            )
        maps, counts = class_sums(features, labels, self.num_classes)
        self.class_maps.assign(maps)
        self.counts.assign(counts)

    def call(self, inputs, training=None):
        class_maps = ops.cast(self.class_maps, inputs.dtype)
        tasks = ops.zeros((self.num_classes,), "int32")
        scores = relation_module.compare(
            self.relation, class_maps, inputs[None], tasks, training
        )
        scores = ops.transpose(ops.cast(scores, self.class_maps.dtype))
        return ops.where(self.counts > 0, scores, 0.0)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "map_shape": self.map_shape,
            "relation": keras.saving.serialize_keras_object(self.relation),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        relation = keras.saving.deserialize_keras_object(
            config["relation"], custom_objects=custom_objects
        )
        return cls(**{**config, "relation": relation})


def class_sums(maps, labels, num_classes):
    """Sum of the feature maps of each class, and how many it has.

    Args:
        maps: `(..., rows, height, width, c)`.
        labels: Integers `(..., rows)`; rows with a label below 0 count nowhere.
        num_classes: Python integer.

    Returns:
        `(..., num_classes, height, width, c)`, float32 or wider, and int32
        `(..., num_classes)`.
    """
    shape = ops.shape(maps)
    rows = ops.reshape(maps, (*shape[:-3], -1))
    means, counts = class_means(rows, labels, num_classes)
    sums = means * ops.cast(counts, means.dtype)[..., None]
    return ops.reshape(sums, (*shape[:-4], num_classes, *shape[-3:])), counts
