"""A Keras model as a function of its weights."""

import keras
import tensorflow as tf
from keras import tree

from keras_transfer.layers import opaque
from keras_transfer.meta import layer_calls


class FastModel:
    """Runs a model with other values in the place of its variables.

    The state is what a pass changes beside its outputs: moving statistics and
    the seeds of dropout. Hand the new one to the next pass, or dropout drops
    the same units each time.

    Layers that are finished graphs (`layers.opaque`) run on their own
    variables, whatever is given for them.

    Args:
        model: A built `keras.Model`; nothing in it changes.

    Attributes:
        model: The model.
        trainable: List of its trainable variables.
        state: List of its other variables.
    """

    def __init__(self, model):
        self.model = model
        self.trainable = list(model.trainable_variables)
        self.state = list(model.non_trainable_variables)
        self._own = {
            id(variable)
            for layer in opaque.opaque_layers(model)
            for variable in layer.variables
        }

    def is_own(self, variable):
        """Whether a layer reads this variable whatever is given for it."""
        return id(variable) in self._own

    def weights(self):
        """The values of the trainable variables, as tensors."""
        return [tf.convert_to_tensor(v.value) for v in self.trainable]

    def state_values(self):
        """The values of the other variables, as tensors."""
        return [tf.convert_to_tensor(v.value) for v in self.state]

    def output_dtypes(self, x):
        """The dtypes of the outputs for such inputs, as a structure."""
        specs = tree.map_structure(
            lambda leaf: keras.KerasTensor(leaf.shape, leaf.dtype.name), x
        )
        outputs = self.model.compute_output_spec(specs, training=False)
        return tree.map_structure(lambda spec: tf.as_dtype(spec.dtype), outputs)

    def run(self, weights, state, x, training, batch_norm=None):
        """One pass.

        Args:
            weights: Tensors in the order of `trainable`.
            state: Tensors in the order of `state`.
            x: Inputs of the model.
            training: Python boolean.
            batch_norm: Whether batch norm uses the statistics of the batch; by
                default as `training` says.

        Returns:
            `(outputs, new_state, losses)`; the losses are those which layers
            add, without the regularization of weights.
        """
        outputs, new_state, losses, _ = self._run(
            weights, state, x, training, batch_norm
        )
        return outputs, new_state, losses

    def inputs_of(self, layer, weights, state, x, training):
        """What a layer is given in a pass on batch statistics.

        Returns:
            `(inputs, new_state)`.
        """
        _, new_state, _, this_pass = self._run(
            weights, state, x, training, batch_norm=True, watched=layer
        )
        return this_pass.inputs, new_state

    def run_from_zero(self, weights, state, x, training):
        """A pass on batch statistics, with moving statistics that begin at 0.

        Returns:
            `(outputs, moved, kept)`: `moved` is the new state, which holds
            what has been added to the moving statistics, and `kept` the share
            of the former ones that is left, by position in `state`.
        """
        batch_norms = self.batch_norms()
        zeroed = [
            tf.zeros_like(value) if id(variable) in batch_norms else value
            for variable, value in zip(self.state, state, strict=True)
        ]
        outputs, moved, _, this_pass = self._run(
            weights, zeroed, x, training, batch_norm=True
        )
        kept = {}
        for position, variable in enumerate(self.state):
            layer = batch_norms.get(id(variable))
            if layer is not None:
                times = this_pass.calls[id(layer)]
                kept[position] = layer.momentum**times
        return outputs, moved, kept

    def batch_norms(self):
        """The layers of batch norm, by the id of their moving statistics."""
        return {
            id(variable): layer
            for layer in self.model._flatten_layers()
            if isinstance(layer, keras.layers.BatchNormalization)
            for variable in (layer.moving_mean, layer.moving_variance)
            if not self.is_own(variable)
        }

    def _run(self, weights, state, x, training, batch_norm, watched=None):
        given = [
            *zip(self.trainable, weights, strict=True),
            *zip(self.state, state, strict=True),
        ]
        given = [pair for pair in given if not self.is_own(pair[0])]
        layers = self.model._flatten_layers()
        with (
            keras.StatelessScope(given, collect_losses=True) as scope,
            layer_calls.replaced(layers, batch_norm, watched) as this_pass,
        ):
            outputs = self.model(x, training=training)
        new_state = [
            value if self.is_own(v) else scope.get_current_value(v)
            for v, value in zip(self.state, state, strict=True)
        ]
        return outputs, new_state, scope.losses, this_pass
