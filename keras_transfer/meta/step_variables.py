"""Batch norm of its own for each inner step."""

import keras
from keras import ops


class StepVariables(keras.layers.Layer):
    """Copies of the variables of batch norm, one set for each inner step.

    The first step has the model's own; so a single step changes nothing.

    Args:
        fast: A `FastModel`.
        steps: Number of inner steps in training; later ones use the last.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, fast, steps, **kwargs):
        super().__init__(**kwargs)
        self._steps = max(steps, 1)
        self._copies = {}
        # Each layer is there by its mean and by its variance.
        for layer in dict.fromkeys(fast.batch_norms().values()):
            for variable in layer.variables:
                self._copies[str(id(variable))] = [
                    self._copy(layer, variable, step)
                    for step in range(1, self._steps)
                ]
        self.built = True

    def call(self, inputs):
        return inputs

    def has(self, variable):
        """Whether a variable of the model belongs to batch norm."""
        return str(id(variable)) in self._copies

    def of(self, variable, step):
        """The variable that stands for one of the model at a step."""
        step = min(step, self._steps - 1)
        copies = self._copies.get(str(id(variable)))
        return variable if copies is None or not step else copies[step - 1]

    def _copy(self, layer, variable, step):
        return self.add_weight(
            name=f"{layer.name}_{variable.name}_{step}",
            shape=variable.shape,
            dtype=variable.dtype,
            initializer=lambda shape, dtype: ops.cast(variable.value, dtype),
            trainable=variable.trainable,
            autocast=False,
        )
