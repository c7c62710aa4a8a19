"""A classifier by angle."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.ops.prototypes import check_class_count
from keras_transfer.ops.prototypes import unit_vectors


@public("layers")
class CosineHead(keras.layers.Layer):
    """A dense layer whose logits are scaled cosines.

    Formula, with `w_k` the column of class k:

        logits[i, k] = scale * <x_i, w_k> / (||x_i|| * ||w_k||)

    Neither the length of the features nor that of the weights counts, so
    that classes with few examples are not at a disadvantage, and the mean of
    a new class's unit features can stand as its column.

    Bad at: features whose length says something, and a fixed scale for many
    classes: with scale s the loss cannot fall below
    `log(1 + (classes - 1) * exp(-2 * s))`.

    Args:
        num_classes: Number of classes.
        scale: Positive number: initial value if it is learnt, else the value.
        learn_scale: Whether the scale is a weight.
        kernel_initializer: Initializer of the columns, of which only the
            directions count.
        **kwargs: Passed to `keras.layers.Layer`.

    Input shape: `(..., width)`.

    Output shape: `(..., num_classes)`, float32 (or float64) under any policy.

    Note: Chen et al. fix the scale at 2 (up to 200 classes) or 10, and their
    code also learns a length for each class; Gidaris & Komodakis learn one
    scale that begins at 10, which is the default here. Their common bias has
    no effect on a softmax and is left out.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> head = kt.layers.CosineHead(num_classes=3)
    >>> head(keras.ops.ones((4, 8))).shape
    TensorShape([4, 3])

    Reference:

    - [Gidaris & Komodakis, 2018, Dynamic Few-Shot Visual Learning without
      Forgetting](https://arxiv.org/abs/1804.09458)
    - [Chen et al., 2019, A Closer Look at Few-shot Classification,
      "Baseline++"](https://arxiv.org/abs/1904.04232)
    """

    def __init__(
        self,
        num_classes,
        scale=10.0,
        learn_scale=True,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        check_class_count("num_classes", num_classes)
        if not isinstance(scale, numbers.Real) or not 0 < scale < math.inf:
            raise invalid_argument("scale", scale, "a positive number")
        # Lengths are squared, which half precision cannot hold. This is for
        # the inputs; Keras casts weights in spite of it, unless they say so.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.num_classes = int(num_classes)
        self.scale = float(scale)
        self.learn_scale = learn_scale
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.num_classes),
            initializer=self.kernel_initializer,
            dtype=self._logit_dtype(),
            autocast=False,
            name="kernel",
        )
        self._learnt_scale = None
        if self.learn_scale:
            self._learnt_scale = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(self.scale),
                dtype=self._logit_dtype(),
                autocast=False,
                name="scale",
            )

    def call(self, inputs):
        features = unit_vectors(ops.cast(inputs, self._logit_dtype()))
        columns = unit_vectors(ops.convert_to_tensor(self.kernel), axis=0)
        scale = self.scale if self._learnt_scale is None else self._learnt_scale
        return scale * ops.matmul(features, columns)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_classes)

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, dtype=self._logit_dtype())

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "scale": self.scale,
            "learn_scale": self.learn_scale,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _logit_dtype(self):
        return keras.backend.result_type(self.variable_dtype, "float32")
