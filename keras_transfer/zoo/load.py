"""From a name to a backbone that is ready to use."""

from keras_transfer.zoo import keras_applications
from keras_transfer.zoo import keras_hub_presets
from keras_transfer.zoo import locate
from keras_transfer.zoo import registry
from keras_transfer.zoo import resolution
from keras_transfer.zoo.hub_backbone import HubBackbone


def load(
    name,
    trainable=False,
    *,
    pretrained=True,
    offline=None,
    mirror=None,
    **arguments,
):
    """Loads a backbone by its name, wherever it comes from.

    What comes back is called like a layer and has the layer that makes its
    inputs as an attribute:

        features = backbone(backbone.preprocessing(inputs))

    A SavedModel with several outputs gives the features when it is loaded by
    the name of its card; pass `output_key=None` for all outputs.

    Args:
        name: Name of a card (see `zoo.list_backbones`), or anything that
            `zoo.HubBackbone` takes: a URL, a Kaggle handle, a folder, an
            archive.
        trainable: Boolean, whether the variables learn.
        pretrained: Whether to take the zoo's weights; only Keras models can
            be had without.
        offline: Whether to fail rather than use the network; by default as
            the environment variable `KERAS_TRANSFER_OFFLINE` says.
        mirror: URL that replaces the host of a handle; by default the
            environment variable `KERAS_TRANSFER_MIRROR`.
        **arguments: Passed to `zoo.HubBackbone`, or to the function of
            `keras.applications`, or to KerasHub's `from_preset`.

    Returns:
        A `zoo.HubBackbone`, or for `keras_applications/...` and
        `keras_hub/...` a `keras.Model`.

    Raises:
        ValueError: If the name is unknown; with the names that come closest.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> backbone = kt.zoo.load("omniglot_conv4", trainable=True)
    >>> inputs = keras.Input((28, 28, 3))
    >>> backbone(backbone.preprocessing(inputs)).shape
    (None, 64)
    """
    keras_hub_presets.require(str(name))
    card = registry.card_for(name)
    source = card.source if card is not None else "folder"
    if source == "keras_applications":
        offline = resolution.is_offline(offline)
        return keras_applications.build(
            card, trainable, pretrained, offline, **arguments
        )
    if source == "keras_hub":
        return keras_hub_presets.build(card, trainable, pretrained, **arguments)
    if not pretrained:
        raise ValueError(
            f"{str(name)!r} is a SavedModel and has no other weights than its "
            "own. Only keras.applications and KerasHub take pretrained=False."
        )
    if card is not None and str(name) == card.name:
        # Features, as of every other backbone. A handle gives what it gives.
        arguments.setdefault("output_key", card.output_key)
    # Fetched first: the layer itself knows no mirror.
    locate.locate(name, offline=offline, mirror=mirror)
    return HubBackbone(name, trainable=trainable, **arguments)


def pull(name, *, cache=None, offline=None, mirror=None, verbose=1):
    """Fetches a backbone, so that everything works without a network then.

    Args:
        name: As for `zoo.load`.
        cache: Folder to keep it in, by default `$TFHUB_CACHE_DIR` (Kaggle
            handles: `$KAGGLEHUB_CACHE`), else a folder of the user's. For
            another one, set that variable when the backbone is loaded.
        offline: As for `zoo.load`.
        mirror: As for `zoo.load`.
        verbose: 0 for no progress bar.

    Returns:
        The path of the SavedModel, or `None` for Keras models, whose weights
        Keras keeps itself.

    Raises:
        ValueError: If the name is unknown or the fetching fails.

    Example:

    >>> from keras_transfer import zoo
    >>> zoo.pull("omniglot_conv4").split("/")[-1]
    'omniglot_conv4'
    """
    card = registry.card_for(name)
    if card is not None and card.source in ("keras_applications", "keras_hub"):
        load(name, offline=offline)
        return None
    options = {"offline": offline, "mirror": mirror, "verbose": verbose}
    located = locate.locate(name, cache=cache, **options)
    if located.card is not None and located.card.preprocessor is not None:
        locate.locate(located.card.preprocessor, cache=cache, **options)
    return located.folder
