"""Layers whose inside is a finished graph."""

import keras


class OpaqueLayer(keras.layers.Layer):
    """A layer whose graph reads its own variables, whatever is passed in.

    Its weights learn by gradients as usual. What replaces variables for a
    while, as inner loops and copies of batch norm for each domain do, has no
    effect on it; such methods ask `opaque_layers` first and refuse.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.
    """


def opaque_layers(model):
    """All layers of a model, at any depth, that are finished graphs."""
    kinds = (OpaqueLayer, keras.layers.TFSMLayer)
    return [
        layer for layer in model._flatten_layers() if isinstance(layer, kinds)
    ]
