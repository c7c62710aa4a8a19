"""Whether a saved file may bring a program."""

import keras


def refuse_in_safe_mode(name):
    """Refuses to load a SavedModel for a file that is not trusted.

    Args:
        name: Name of the layer, for the error.

    Raises:
        ValueError: While Keras loads a file or config in safe mode.
    """
    if _in_safe_mode():
        raise ValueError(
            f"The file holds a {name}, that is, a TensorFlow SavedModel, which "
            "is a program. If you trust where the file comes from, pass "
            "safe_mode=False to the loading function, or call "
            "keras.config.enable_unsafe_deserialization()."
        )


def _in_safe_mode():
    """Asks Keras, which has no public question for it, by a trial.

    A Python lambda is refused in safe mode. This one is empty: where it is
    not refused, Keras misses its code.
    """
    empty_lambda = {"class_name": "__lambda__", "config": {}}
    try:
        keras.saving.deserialize_keras_object(empty_lambda, safe_mode=False)
    except KeyError:
        return False
    except ValueError:
        return True
    return False
