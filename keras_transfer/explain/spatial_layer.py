"""Which layer of a model still knows where in the image something is."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer.layers.opaque import opaque_layers

#: They only thin out what the layer before them knows.
_POOLING = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)

#: Places on a side below which a map can hardly say where something is
#: (`benchmarks/attribution.py`).
_LEAST_PLACES = 4


def spatial_layer(explained, layer=None):
    """The layer whose maps a class activation map is made of.

    By default the last one with an output `(rows, height, width, channels)`
    of 4 x 4 places or more, at any depth, behind the first layer with weights,
    or the last of more than one place if none has so many; pooling at the end
    is passed over, for it makes maps coarser.

    Args:
        explained: An `ExplainedModel`.
        layer: Name or path of a layer, or `None`.

    Returns:
        A `SeenLayer`.

    Raises:
        ValueError: If there is no such layer.
    """
    if layer is not None:
        seen = explained.find(layer)
        if not _is_spatial(seen):
            raise invalid_argument(
                "layer",
                layer,
                "a layer with an output (rows, height, width, channels), one "
                f"of {[entry.path for entry in spatial_layers(explained)]}",
            )
        return seen
    found = spatial_layers(explained)
    if not found:
        raise ValueError(_nothing_spatial(explained.model))
    found = [
        seen for seen in found if not isinstance(seen.layer, _POOLING)
    ] or found
    fine = [
        seen for seen in found if min(seen.outputs.shape[1:3]) >= _LEAST_PLACES
    ]
    return (fine or found)[-1]


def spatial_layers(explained):
    """All layers that a class activation map can be made of, as they ran."""
    seen = explained.seen
    learned = [index for index, entry in enumerate(seen) if _learns(entry)]
    first = learned[0] if learned else len(seen)
    return [entry for entry in seen[first:] if _is_spatial(entry)]


def _learns(seen):
    is_statistics = isinstance(seen.layer, keras.layers.Normalization)
    return bool(seen.layer.weights) and not is_statistics


def _is_spatial(seen):
    shape = seen.outputs.shape
    return len(shape) == 4 and shape[1] * shape[2] > 1


def _nothing_spatial(model):
    opaque = [layer.name for layer in opaque_layers(model)]
    if opaque:
        return (
            f"The maps of the model {model.name!r} are inside of the "
            f"SavedModel {opaque[0]!r}, whose output has no height and width. "
            "Load it with the output_key of an endpoint (rows, height, width, "
            "channels) and pool that by a layer of yours, or use saliency or "
            "smooth_grad, whose gradients pass through it."
        )
    return (
        f"The model {model.name!r} has no layer with an output (rows, height, "
        "width, channels) behind its first weights, so that no class "
        "activation map can be made. Use saliency or smooth_grad."
    )
