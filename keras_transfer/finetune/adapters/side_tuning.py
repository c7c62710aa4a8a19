"""Side-tuning: a small network beside the frozen one."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.abstract_branch import AbstractBranch


@public("finetune")
class SideTuning(AbstractAdapter):
    """A small network that learns beside the frozen one, and is mixed in.

    Formula, with B(x) the outputs of a layer of the frozen model, S(x) those
    of the side network for the same inputs of the model:

        R(x) = alpha * B(x) + (1 - alpha) * S(x),   alpha = sigmoid(a)

    S and the number a learn. What follows in the model goes on from R(x); let
    it learn too with `also_train`.

    Bad at: staying close to the base at first. Unlike other adapters it
    changes the outputs from the beginning, unless alpha is near 1 or the side
    network imitates the base.

    Args:
        side: A built `keras.Model` from the same inputs to the shape of the
            target's outputs. It is copied, weights included.
        target: Name of one layer of the model, not of one inside a nested
            model.
        alpha: Share of the base at the beginning, between 0 and 1.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, name="features"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> side = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    >>> adapter = kt.finetune.SideTuning(side, target="features")
    >>> adapted = kt.finetune.add_adapters(model, adapter, also_train="head")
    >>> len(adapted.trainable_weights)
    5

    Reference:

    - [Zhang et al., 2020, Side-Tuning: A Baseline for Network Adaptation via
      Additive Side Networks, sec. 3](https://arxiv.org/abs/1912.13503)
    """

    def __init__(self, side, target, alpha=0.5):
        super().__init__(target)
        if not isinstance(side, keras.Model) or not side.built:
            raise invalid_argument("side", side, "a built keras.Model")
        if not isinstance(alpha, numbers.Real) or not 0 < alpha < 1:
            raise invalid_argument("alpha", alpha, "a number between 0 and 1")
        self.side = side
        self.alpha = float(alpha)

    def refusal(self, layer):
        return None

    def branch(self, base, path, name):
        return _SideBranch(self, base, name=name)

    def get_config(self):
        return {
            "side": keras.saving.serialize_keras_object(self.side),
            "alpha": self.alpha,
            **super().get_config(),
        }

    @classmethod
    def from_config(cls, config):
        side = keras.saving.deserialize_keras_object(config["side"])
        return cls(**{**config, "side": side})


class _SideBranch(AbstractBranch):
    def __init__(self, adapter, base, **kwargs):
        super().__init__(adapter, base, **kwargs)
        self.side = keras.models.clone_model(adapter.side)
        self.side.compiled = False

    def build(self, input_shape):
        start = math.log(self.adapter.alpha / (1 - self.adapter.alpha))
        self.mixture = self.add_learnt(
            "mixture", (), keras.initializers.Constant(start)
        )

    def begin(self):
        self.side.set_weights(self.adapter.side.get_weights())

    def mixed(self, base, inputs, training):
        """`alpha * B + (1 - alpha) * S`."""
        share = self.strength * (1 - ops.sigmoid(self.mixture))
        side = ops.cast(self.side(inputs, training=training), base.dtype)
        return base + ops.cast(share, base.dtype) * (side - base)
