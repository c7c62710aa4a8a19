"""Copies of a model with other weights."""

import keras


def with_values(model, trainable, state):
    """A copy of a model, uncompiled.

    Args:
        model: A built `keras.Model`; it stays as it is.
        trainable: Values of the trainable variables of the copy.
        state: Values of its other variables.

    Returns:
        A `keras.Model`.
    """
    if isinstance(getattr(model, "inputs", None), list):
        copy = keras.models.clone_model(model)
        # Keras compiles the copy of a compiled model.
        copy.compiled, copy.optimizer = False, None
    else:
        copy = type(model).from_config(model.get_config())
        copy.build_from_config(model.get_build_config())
    for variables, values in (
        (copy.trainable_variables, trainable),
        (copy.non_trainable_variables, state),
    ):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    return copy
