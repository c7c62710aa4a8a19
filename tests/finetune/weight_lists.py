"""Short ways to write models and files of weights for the tests."""

import keras
import numpy as np

from keras_transfer.finetune import weight_entries

layers = keras.layers


def dense_model(width, **units):
    """A chain of dense layers by name; those with `_` in front have no name.

    Args:
        width: Of the inputs.
        **units: Number of units by name of the layer.
    """
    parts = [
        layers.Dense(count, name=None if name.startswith("_") else name)
        for name, count in units.items()
    ]
    return keras.Sequential([keras.Input((width,)), *parts])


def targets_of(model):
    return weight_entries.weights_of_model(model)[0]


def torch_dense(width, **units):
    """Random weights of such a chain, as a dict of PyTorch's names."""
    generator = np.random.default_rng(5)
    arrays = {}
    for name, count in units.items():
        arrays[f"{name}.weight"] = generator.normal(size=(count, width))
        arrays[f"{name}.bias"] = generator.normal(size=count)
        width = count
    return arrays


def sources_of(arrays):
    return weight_entries.weights_of_arrays(arrays)


def names(pairs):
    """Pairs of weights as a dict of names."""
    return {source.name: target.name for source, target in pairs}
