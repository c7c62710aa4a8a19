"""A model once more, with weights of its own."""

import keras


def copy_of(model):
    """A new, uncompiled model of the same layers and the same values.

    Args:
        model: A built `keras.Model` that Keras can clone: Functional,
            Sequential, or with a `get_config`.

    Returns:
        A `keras.Model` that shares nothing with it.

    Raises:
        ValueError: If Keras cannot clone it.
    """
    try:
        copy = keras.models.clone_model(model)
        if not copy.built:
            copy.build(model.input_shape)
        copy.set_weights(model.get_weights())
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The model {model.name!r} cannot be copied: {error}. Write its "
            "get_config(), or use a Functional model."
        ) from error
    return copy
