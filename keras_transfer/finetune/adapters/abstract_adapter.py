"""What all adapters share."""

import abc

from keras_transfer.finetune.adapters import kernels
from keras_transfer.finetune.adapters.patterns import any_matches
from keras_transfer.finetune.adapters.patterns import as_patterns
from keras_transfer.training import layer_tree


class AbstractAdapter(abc.ABC):
    """What is added to a model, where, and of which size.

    An adapter is a description without weights; `add_adapters` makes the
    layers.

    Args:
        target: Names, paths or patterns of layers.
    """

    def __init__(self, target):
        self.target = as_patterns("target", target)

    def wants(self, path):
        """Whether the target names a layer."""
        return any_matches(self.target, path)

    def applies(self, layer):
        """Whether a layer has something that the adapter is meant for."""
        return any(len(w.shape) > 1 for w in layer_tree.own_weights(layer))

    def refusal(self, layer):
        """Why a layer cannot take the adapter, or `None` if it can."""
        return kernels.refusal(layer)

    @abc.abstractmethod
    def branch(self, base, path, name):
        """The layer that does it.

        Args:
            base: The built base layer, without its activation.
            path: Path of the layer in the model.
            name: Name of the adapter in the model.

        Returns:
            An `AbstractBranch`.
        """

    def get_config(self):
        return {"target": list(self.target)}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
