"""Model files as commands are given them."""


def load(path, trust=False):
    """Loads the plain model of a `.keras` file.

    Args:
        path: The file, a `pathlib.Path`.
        trust: Whether code in the file may be loaded.

    Returns:
        A `keras.Model`; of a trainer of this package, its model.

    Raises:
        ValueError: If there is no such file, or it cannot be loaded.
    """
    import keras

    # Registers the layers of this package.
    from keras_transfer import adaptation

    if not path.is_file():
        raise ValueError(f"There is no model file {path}.")
    try:
        model = keras.saving.load_model(
            path, compile=False, safe_mode=not trust
        )
    except (ValueError, TypeError, KeyError) as error:
        # Keras wraps the reason into the configs of all layers.
        reason = str(error).rpartition("Exception encountered: ")[2]
        reason = reason.partition(" Full object config")[0]
        if not trust and "safe_mode" in reason:
            reason = (
                "it holds code, as a SavedModel or a Lambda. Pass --trust if "
                "you trust its origin."
            )
        raise ValueError(f"{path} cannot be loaded: {reason}") from error
    if isinstance(model, adaptation.DomainAdaptation):
        return model.model
    return model
