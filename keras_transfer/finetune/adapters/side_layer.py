"""The place where a side network is mixed into a model."""

from keras_transfer._public import public
from keras_transfer.finetune.adapters.abstract_adapted import AbstractAdapted
from keras_transfer.finetune.adapters.abstract_adapted import set_trainable


@public("finetune")
class SideLayer(AbstractAdapted):
    """Mixes outputs of the frozen model with those of side networks.

    `add_adapters` makes it. It is called on the outputs and on the inputs of
    the whole model.

    Args:
        adapters: Dict from name to `SideTuning`.
        active: Names of the adapters that learn; by default the last.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, adapters, active=None, **kwargs):
        super().__init__(adapters, active, **kwargs)
        # Inputs may be integers, or of another precision.
        self.autocast = False
        self.branches = {
            name: adapter.branch(self, self.name, name)
            for name, adapter in self.adapters.items()
        }

    def build(self, outputs_shape, inputs_shape):
        for name, branch in self.branches.items():
            branch.build(outputs_shape)
            set_trainable(branch, name in self._active)

    def call(self, outputs, inputs, training=None):
        for branch in self.branches.values():
            outputs = branch.mixed(outputs, inputs, training)
        return outputs

    def compute_output_shape(self, outputs_shape, inputs_shape):
        return outputs_shape

    def check_unused(self):
        """Raises if a side network counts: it cannot be merged."""
        for name, branch in self.branches.items():
            if float(branch.strength):
                raise ValueError(
                    f"The adapter {name!r} at layer {self.name!r} cannot be "
                    "merged: it is a network of its own. Switch it off with "
                    "set_adapter, or keep it beside the base."
                )
