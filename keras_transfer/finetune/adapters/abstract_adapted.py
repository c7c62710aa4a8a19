"""Layers that hold a part of each adapter of a model."""

import keras

from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter


class AbstractAdapted(keras.layers.Layer):
    """A layer that holds a part of one or more adapters.

    Args:
        adapters: Dict from name to adapter.
        active: Names of the adapters that learn; by default the last.
        **kwargs: Passed to `keras.layers.Layer`.

    Attributes:
        branches: Dict from the name of an adapter to its `AbstractBranch`.
    """

    def __init__(self, adapters, active=None, **kwargs):
        super().__init__(**kwargs)
        self.adapters = {
            name: adapter
            if isinstance(adapter, AbstractAdapter)
            else keras.saving.deserialize_keras_object(adapter)
            for name, adapter in adapters.items()
        }
        self._active = list(self.adapters)[-1:] if active is None else active

    @property
    def active(self):
        """Names of the adapters that learn."""
        if not self.branches:
            return list(self._active)
        return [n for n, branch in self.branches.items() if branch.trainable]

    def let_learn(self, names):
        """Lets these adapters learn, and nothing else in the layer.

        Args:
            names: Names of adapters; those of other layers do not count.
        """
        set_trainable(self, True)
        for part in self._flatten_layers(include_self=False, recursive=False):
            set_trainable(part, False)
        for name, branch in self.branches.items():
            set_trainable(branch, name in names)

    def weigh(self, strengths):
        """Sets how much each adapter counts; those not named do not.

        Args:
            strengths: Dict from name to number.
        """
        for name, branch in self.branches.items():
            branch.strength.assign(strengths.get(name, 0.0))

    def get_config(self):
        return {
            **super().get_config(),
            "adapters": {
                name: keras.saving.serialize_keras_object(adapter)
                for name, adapter in self.adapters.items()
            },
            "active": self.active,
        }


def set_trainable(layer, value):
    """Sets `trainable` of a layer and of all inside.

    Under TensorFlow an attribute that gets the value it has is not set, so
    that layers inside would keep another one.
    """
    layer.trainable = not value
    layer.trainable = value
