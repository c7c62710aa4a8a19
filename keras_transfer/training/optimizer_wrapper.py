"""Optimizers that hand their work to others."""

import keras

from keras_transfer._public import invalid_argument


class OptimizerWrapper(keras.optimizers.Optimizer):
    """Base of the optimizers that are made of another one.

    Takes over what must happen around the inner optimizer and not inside it:
    the scale of the loss, which a `LossScaleOptimizer` around this one turns
    off.

    Args:
        optimizer: A `keras.optimizers.Optimizer` that was not used yet, or
            its name.
        **kwargs: Passed to `keras.optimizers.Optimizer`.
    """

    def __init__(self, optimizer, **kwargs):
        optimizer = _checked(optimizer)
        kwargs.setdefault("loss_scale_factor", optimizer.loss_scale_factor)
        super().__init__(**kwargs)
        optimizer.loss_scale_factor = None
        self.optimizer = optimizer

    def resolve(self, variables):
        """Fixes by all variables of a model what a part could not tell."""

    def _inner_config(self, **taken_over):
        """The inner optimizer as it was given."""
        serialized = keras.saving.serialize_keras_object(self.optimizer)
        taken_over["loss_scale_factor"] = self.loss_scale_factor
        for key, value in taken_over.items():
            if key in serialized["config"]:
                serialized["config"][key] = value
        return serialized

    def _known(self, grads, variables):
        """Gradients and variables as lists; builds where that is due."""
        grads = list(grads)
        if variables is None:
            variables = self._trainable_variables
        variables = list(variables)
        if not self.built:
            if not variables:
                raise ValueError(
                    "The optimizer was given gradients without variables "
                    "before it was built. Call `build(variables)` first."
                )
            with keras.name_scope(self.name):
                self.build(variables)
        self._check_variables_are_known(variables)
        if self.loss_scale_factor is not None:
            grads = [
                g if g is None else g / self.loss_scale_factor for g in grads
            ]
        return grads, variables


def _checked(optimizer):
    optimizer = keras.optimizers.get(optimizer)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise invalid_argument(
            "optimizer",
            optimizer,
            "an optimizer without loss scaling",
            "Wrap the other way round: LossScaleOptimizer(...) outside.",
        )
    if optimizer.built:
        raise invalid_argument(
            "optimizer",
            optimizer,
            "an optimizer that was not used yet",
            "Its state belongs to the variables it was built for.",
        )
    return optimizer


def fresh_copy(optimizer):
    """An optimizer with the same settings and no state."""
    copy = type(optimizer).from_config(optimizer.get_config())
    inner, given = copy, optimizer
    while isinstance(given, OptimizerWrapper):
        inner, given = inner.optimizer, given.optimizer
    for name, value in vars(given).items():
        # No config tells what weight decay leaves out.
        if name.startswith("_exclude_from_weight_decay"):
            setattr(inner, name, value)
    return copy
