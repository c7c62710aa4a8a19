"""Writes one adapter of a model to a small file."""

import json

import keras
import numpy as np

from keras_transfer._files import written_whole
from keras_transfer.finetune.adapters.adapter_arrays import adapter_variables
from keras_transfer.finetune.adapters.adapter_arrays import variables_beside
from keras_transfer.finetune.adapters.graph_layers import adapters_of
from keras_transfer.finetune.adapters.graph_layers import check_name

#: Name of the array that describes the others.
DESCRIPTION = "description"
FORMAT = 1


def save_adapters(model, path, name="default"):
    """Writes one adapter to a small file, without the base.

    The file holds the settings and the weights of the adapter, and those of
    the layers that learn beside it now, as a new head. It is an `.npz` file
    without pickled objects, and is written whole or not at all.

    Bad at: saying which base it belongs to. Weights of another base of the
    same shapes are not noticed.

    Args:
        model: A model from `add_adapters`.
        path: Where the file goes, mostly `*.npz`.
        name: Name of the adapter.

    Returns:
        `None`; the file is written, whole or not at all.

    Raises:
        ValueError: If the model has no such adapter.

    Example:

    >>> import tempfile
    >>> import keras
    >>> import keras_transfer as kt
    >>> base = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.Dense(3, name="dense")]
    ... )
    >>> model = kt.finetune.add_adapters(base, kt.finetune.LoRA(rank=2))
    >>> path = f"{tempfile.mkdtemp()}/lora.npz"
    >>> kt.finetune.save_adapters(model, path)
    >>> again = kt.finetune.load_adapters(base, path)
    """
    check_name(model, name)
    adapter = adapters_of(model)[name]
    description = {
        "format": FORMAT,
        "name": name,
        "adapter": keras.saving.serialize_keras_object(adapter),
    }
    arrays = {DESCRIPTION: np.array(json.dumps(description))}
    for group, variables in (
        ("adapter", adapter_variables(model, name)),
        ("beside", variables_beside(model)),
    ):
        for key, variable in variables.items():
            arrays[f"{group}/{key}"] = _array(variable)
    with written_whole(path) as partial, open(partial, "wb") as file:
        np.savez(file, **arrays)


def _array(variable):
    array = keras.ops.convert_to_numpy(variable)
    # NumPy's files do not know bfloat16.
    return array.astype("float32") if array.dtype.kind == "V" else array
