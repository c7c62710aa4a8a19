"""Backbones of `keras.applications`, with Keras' own weights."""

import contextlib
import urllib.request

import keras

from keras_transfer import layers


def build(card, trainable=False, pretrained=True, offline=False, **arguments):
    """Builds the network without its classifier, pooled to features.

    Args:
        card: The `Card`.
        trainable: Boolean, whether the variables learn.
        pretrained: Whether to take Keras' weights, or new ones.
        offline: Whether to fail rather than download.
        **arguments: Passed to the Keras function, as `input_shape`.

    Returns:
        A Functional `keras.Model` from images to `(batch, features)`, with
        the layer `preprocessing` as an attribute.

    Raises:
        ValueError: If the weights are not there and must not be downloaded.
    """
    arguments = {
        "input_shape": card.input_shape,
        "pooling": "avg",
        "weights": "imagenet" if pretrained else None,
        **arguments,
    }
    make = getattr(keras.applications, card.handle)
    with _no_downloads(card.name) if offline else contextlib.nullcontext():
        model = make(include_top=False, **arguments)
    model.trainable = trainable
    size = arguments["input_shape"][:2]
    settings = {**card.preprocessing, "size": None if None in size else size}
    attach_preprocessing(model, layers.ImagePreprocessing(**settings))
    return model


def attach_preprocessing(model, preprocessing):
    """Makes a layer an attribute of a model, but no part of it.

    Keras takes every layer that is set on a model for one of its own.
    """
    object.__setattr__(model, "preprocessing", preprocessing)


@contextlib.contextmanager
def _no_downloads(name):
    """Makes what Keras downloads with fail with a clear sentence."""

    class Refusing(urllib.request.OpenerDirector):
        def open(self, *args, **kwargs):
            raise ValueError(
                f"The weights of {name!r} are not in Keras' cache (KERAS_HOME, "
                "by default ~/.keras), and offline=True forbids to download "
                f"them. Run `keras-transfer zoo pull {name}` where there is a "
                "network, or pass pretrained=False for new weights."
            )

    urllib.request.install_opener(Refusing())
    try:
        yield
    finally:
        urllib.request.install_opener(None)
