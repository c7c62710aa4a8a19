"""DELTA: feature maps are kept near those of the pretrained model."""

import inspect

import keras
import numpy as np
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.finetune.abstract_penalty import AbstractPenalty
from keras_transfer.ops.precision import at_least_float32
from keras_transfer.training import layer_tree
from keras_transfer.training import recorded_layers
from keras_transfer.training.model_copy import copy_of


@public("finetune")
class Delta(AbstractPenalty):
    """Keeps the channels that matter as they were in the pretrained model.

    Formula, with FM_j(x) the j-th channel of a layer's output, FM0 that of
    the pretrained model, and the mean taken over the batch:

        strength * mean_x sum over layers, j of W_j * ||FM_j(x) - FM0_j(x)||^2

    The weights W of a layer sum to 1. `finetune.channel_importance` finds
    them; without, each channel counts the same. The norm is a sum over all
    positions of a feature map, so a strength found for one size of images
    says little about another. Pass it to `finetune.add_penalty`.

    Bad at: memory and time; the pretrained model runs beside the one that is
    trained. It works against targets for which old features are wrong.

    Args:
        layers: Names or paths of layers of the model, as `"block_4/add"`.
        channel_weights: Dict from these names to the weight of each channel, or
            `None`.
        strength: Non-negative number.
        reference: The pretrained `keras.Model`, of which a frozen copy is
            kept, with layers of the same names. By default the model as it is
            when the penalty is added.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range or a name unknown.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((8, 8, 1)),
    ...         keras.layers.Conv2D(4, 3, name="conv"),
    ...         keras.layers.Flatten(),
    ...         keras.layers.Dense(3),
    ...     ]
    ... )
    >>> penalty = kt.finetune.Delta(["conv"], strength=0.1)
    >>> training = kt.finetune.add_penalty(model, penalty)
    >>> _ = training(np.ones((2, 8, 8, 1)), training=True)
    >>> float(training.losses[0])
    0.0

    Reference:

    - [Li et al., 2019, DELTA: Deep Learning Transfer using Feature Map with
      Attention for Convolutional Networks, section
      3](https://arxiv.org/abs/1901.09229)
    """

    def __init__(
        self,
        layers,
        channel_weights=None,
        strength=0.01,
        reference=None,
        **kwargs,
    ):
        names = [layers] if isinstance(layers, str) else list(layers)
        if not names or not all(isinstance(name, str) for name in names):
            raise invalid_argument("layers", layers, "names of layers")
        if not strength >= 0:
            raise invalid_argument("strength", strength, "at least 0")
        if channel_weights is not None and set(channel_weights) != set(names):
            raise invalid_argument(
                "channel_weights",
                sorted(channel_weights),
                f"weights for each of {names}",
            )
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.layers = names
        self.channel_weights = channel_weights and {
            name: np.asarray(channel_weights[name], "float32").tolist()
            for name in names
        }
        self.strength = strength
        self.reference = None
        if reference is not None:
            self._keep(copy_of(reference))

    def start(self, model):
        if self.reference is None:
            self._keep(copy_of(model))

    def call(self, features, inputs):
        before = self._reference_features(inputs)
        values = [
            self._of_layer(name, *pair)
            for name, *pair in zip(self.layers, features, before, strict=True)
        ]
        return self.strength * ops.sum(ops.stack(values))

    def get_config(self):
        return {
            **super().get_config(),
            "layers": list(self.layers),
            "channel_weights": self.channel_weights
            and dict(self.channel_weights),
            "strength": self.strength,
            "reference": keras.saving.serialize_keras_object(self.reference),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["reference"] = keras.saving.deserialize_keras_object(
            config["reference"]
        )
        return cls(**config)

    def _keep(self, reference):
        reference.trainable = False
        self.reference = reference
        # Behind a function, so that Keras does not track them once more.
        found = tuple(
            layer_tree.find_one(reference, name, "layers")
            for name in self.layers
        )
        self._watched = lambda: found
        self.built = True

    def _reference_features(self, inputs):
        # Inference, also where dropout would be on.
        takes = inspect.signature(self.reference.call).parameters
        arguments = {"training": False} if "training" in takes else {}
        with recorded_layers.recorded(self._watched()) as records:
            self.reference(inputs, **arguments)
        return [
            ops.stop_gradient(recorded_layers.single_call(layer, calls).outputs)
            for layer, calls in zip(self._watched(), records, strict=True)
        ]

    def _of_layer(self, name, now, before):
        change = at_least_float32(now) - at_least_float32(before)
        squares = ops.square(change)
        positions = tuple(range(1, len(squares.shape) - 1))
        if positions:
            squares = ops.sum(squares, axis=positions)
        width = squares.shape[-1]
        weights = (self.channel_weights or {}).get(name)
        if weights is None:
            return ops.mean(squares)  # 1 / width for each channel
        if len(weights) != width:
            raise invalid_argument(
                "channel_weights",
                weights,
                f"{width} weights for layer {name!r}",
            )
        weights = ops.convert_to_tensor(list(weights), squares.dtype)
        return ops.mean(ops.sum(squares * weights, axis=-1))
