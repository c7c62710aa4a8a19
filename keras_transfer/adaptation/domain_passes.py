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
    target's statistics; the source runs in a scope in which the variables of
    this layer stand in the place of the model's.

    Args:
        model: The model that is adapted.
        own_affine: Whether gamma and beta are separate too
            (`"domain_specific"`), or only the statistics (`"separate"`).
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, model, own_affine, **kwargs):
        super().__init__(**kwargs)
        replaced = []
        for layer in model._flatten_layers():
            if not isinstance(layer, keras.layers.BatchNormalization):
                continue
            variables = list(layer.non_trainable_variables)
            if own_affine:
                variables = list(layer.variables)
            replaced += [(layer.name, variable) for variable in variables]
        self._copies = [self._copy(*named) for named in replaced]
        self._model = _ModelVariables(
            model, [variable for _, variable in replaced]
        )
        self.built = True

    def call(self, inputs, tap=None, training=None):
        """Runs the source with the copies, then the target with the model."""
        source = self.run_source(inputs["source"], tap, training)
        return source, tap(inputs["target"], training)

    def run_source(self, inputs, tap, training=None):
        """Features and outputs of source rows."""
        stand_ins = list(zip(self._model.replaced, self._copies, strict=True))
        scope = keras.StatelessScope(
            [(variable, copy.value) for variable, copy in stand_ins],
            collect_losses=True,
        )
        with scope:
            results = tap(inputs, training)
        for loss in scope.losses:
            self.add_loss(loss)
        if training:
            # Batch norm moves the copies; dropout the model's own seeds.
            itself = [(variable, variable) for variable in self._model.others]
            for variable, kept in [*stand_ins, *itself]:
                value = scope.get_current_value(variable)
                if value is not None and not kept.trainable:
                    kept.assign(value)
        return results

    def _copy(self, layer_name, variable):
        return self.add_weight(
            name=f"{layer_name}_{variable.name}",
            shape=variable.shape,
            dtype=variable.dtype,
            initializer=lambda shape, dtype: ops.cast(variable.value, dtype),
            trainable=variable.trainable,
            autocast=False,
        )


class _ModelVariables:
    """The model's variables, in an object that Keras does not track.

    Attributes:
        replaced: Those that the source has copies of.
        others: The other non-trainable ones.
    """

    def __init__(self, model, replaced):
        self.replaced = replaced
        self.others = [
            variable
            for variable in model.non_trainable_variables
            if all(variable is not taken for taken in replaced)
        ]
