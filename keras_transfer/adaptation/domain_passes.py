"""How a source and a target batch run through one model.

The three answers differ in batch norm only. Each returns the pair
`((source_features, source_outputs), (target_features, target_outputs))`.
"""

import keras
from keras import ops
from keras import tree

from keras_transfer.adaptation.feature_tap import rows_of

BATCH_NORMS = ("shared", "separate", "domain_specific")


def joint_pass(tap, inputs, training):
    """`batch_norm="shared"`: both domains in one batch."""
    source, target = inputs["source"], inputs["target"]
    num_source = rows_of(source)
    both = tree.map_structure(
        lambda s, t: ops.concatenate([s, t], axis=0), source, target
    )
    results = tap(both, training)
    return (
        tree.map_structure(lambda x: x[:num_source], results),
        tree.map_structure(lambda x: x[num_source:], results),
    )


class SourceBranch(keras.layers.Layer):
    """The source's own batch norm beside a model that keeps the target's.

    The target runs through the model itself, so that the model ends with the
    target's statistics; the source runs through `stateless_call` with the
    variables of this layer in the place of the model's.

    Args:
        model: The model that is adapted.
        own_affine: Whether gamma and beta are separate too
            (`"domain_specific"`), or only the statistics (`"separate"`).
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, model, own_affine, **kwargs):
        super().__init__(**kwargs)
        self._pairs = {}  # id of the model's variable -> own copy
        for layer in model._flatten_layers():
            if not isinstance(layer, keras.layers.BatchNormalization):
                continue
            variables = list(layer.non_trainable_variables)
            if own_affine:
                variables = list(layer.variables)
            for variable in variables:
                self._pairs[id(variable)] = self._copy(layer, variable)
        self.built = True

    def call(self, tap, inputs, training=None):
        """Runs both domains; see the head of this file."""
        raise NotImplementedError("Use `run`.")

    def run(self, tap, inputs, training):
        """Runs the source with the copies, then the target with the model."""
        values = {key: copy.value for key, copy in self._pairs.items()}
        source, updates = tap.stateless(
            values, values, inputs["source"], training
        )
        if training:
            for variable, value in updates:
                # Batch norm: the copy moves. Dropout seeds: the model's own.
                self._pairs.get(id(variable), variable).assign(value)
        return source, tap(inputs["target"], training)

    def _copy(self, layer, variable):
        return self.add_weight(
            name=f"{layer.name}_{variable.name}",
            shape=variable.shape,
            dtype=variable.dtype,
            initializer=lambda shape, dtype: ops.cast(variable.value, dtype),
            trainable=variable.trainable,
        )
