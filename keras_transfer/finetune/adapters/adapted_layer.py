"""A frozen layer with adapters around it."""

import keras

from keras_transfer._public import public
from keras_transfer.finetune.adapters import biases
from keras_transfer.finetune.adapters import kernels
from keras_transfer.finetune.adapters.abstract_adapted import AbstractAdapted
from keras_transfer.finetune.adapters.abstract_adapted import set_trainable


@public("finetune")
class AdaptedLayer(AbstractAdapted):
    """A frozen layer with adapters around it; `add_adapters` makes them.

    Args:
        layer: The base layer. A copy without its activation is kept.
        adapters: Dict from name to adapter.
        active: Names of the adapters that learn; by default the last.
        path: Path of the layer in the model.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, layer, adapters, active=None, path=None, **kwargs):
        config = layer.get_config()
        kwargs.setdefault("name", layer.name)
        kwargs.setdefault("dtype", layer.dtype_policy)
        kwargs.setdefault(
            "activity_regularizer", config.get("activity_regularizer")
        )
        super().__init__(adapters, active, **kwargs)
        self.path_in_model = path or self.name
        self.activation = _copied_activation(layer, config)
        self.layer = type(layer).from_config(_linear(config))
        # Masks are the wrapper's.
        self.layer.supports_masking = True
        self.branches = {}
        self.autocast = layer.autocast
        self.supports_masking = layer.supports_masking

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
        for name, adapter in self.adapters.items():
            branch = adapter.branch(self.layer, self.path_in_model, name)
            branch.build(input_shape)
            set_trainable(branch, name in self._active)
            self.branches[name] = branch

    def call(self, inputs, training=None):
        branches = list(self.branches.values())
        for branch in branches:
            inputs = branch.scale_inputs(inputs)
        outputs = base = self.layer(inputs)
        for branch in branches:
            term = branch.term(inputs, base, training)
            if term is not None:
                outputs = outputs + term
        if self.activation is not None:
            outputs = self.activation(outputs)
        for branch in branches:
            outputs = branch.change_outputs(outputs, training)
        return outputs

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def compute_mask(self, inputs, previous_mask=None):
        return self.layer.compute_mask(inputs, previous_mask)

    def get_config(self):
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.plain_layer()),
            "path": self.path_in_model,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["layer"] = keras.saving.deserialize_keras_object(
            config["layer"], custom_objects=custom_objects
        )
        return cls(**config)

    def plain_layer(self):
        """A new layer as the base was, activation and all, without weights."""
        layer = type(self.layer).from_config(self.layer.get_config())
        if self.activation is not None:
            layer.activation = self.activation
        layer.activity_regularizer = self.activity_regularizer
        return layer

    def merged_weights(self):
        """What the adapters make of the base.

        Returns:
            `(kernel, bias)`, tensors or `None` where the base has none.

        Raises:
            ValueError: If an adapter that counts cannot be merged.
        """
        has_kernel = type(self.layer) in kernels.KINDS
        kernel = kernels.kernel_of(self.layer).variable if has_kernel else None
        bias = biases.bias_of(self.layer)
        used = self._used_branches(bias)
        base = kernel
        for branch in used:
            kernel, bias = branch.merge_term(kernel, bias, base)
        for branch in used:
            kernel, bias = branch.merge_factor(kernel, bias)
        return kernel, bias

    def _used_branches(self, bias):
        used = []
        function = self.activation or keras.activations.linear
        activation = getattr(function, "__name__", type(function).__name__)
        for name, branch in self.branches.items():
            if not float(branch.strength):
                continue
            reason = branch.merge_refusal(activation, bias)
            if reason is not None:
                raise ValueError(
                    f"The adapter {name!r} at layer {self.name!r} cannot be "
                    f"merged: it {reason}. Switch it off with set_adapter, or "
                    "keep it beside the base."
                )
            used.append(branch)
        return used


def _copied_activation(layer, config):
    """The activation of a layer, or `None` if it has no such thing."""
    if "activation" not in config:
        return None
    if isinstance(layer.activation, keras.layers.Layer):
        return keras.activations.get(config["activation"])
    return layer.activation


def _linear(config):
    """A config without what has to come after the adapters."""
    plain = {"activation": "linear", "activity_regularizer": None}
    return {key: plain.get(key, value) for key, value in config.items()}
