"""Reads an adapter that `save_adapters` wrote."""

import json
import zipfile

import keras
import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.adapter_arrays import adapter_variables
from keras_transfer.finetune.adapters.adapter_arrays import variables_beside
from keras_transfer.finetune.adapters.add_adapters import add_adapters
from keras_transfer.finetune.adapters.graph_layers import adapters_of
from keras_transfer.finetune.adapters.graph_layers import check_graph
from keras_transfer.finetune.adapters.save_adapters import DESCRIPTION
from keras_transfer.finetune.adapters.save_adapters import FORMAT

#: Settings that say nothing about what the weights mean.
_WITHOUT_MEANING = ("target", "dropout", "side")


def load_adapters(model, path, name=None):
    """Reads an adapter from a file of `save_adapters`.

    If the model has an adapter of that name, it gets the values, in place,
    and the model stays as it is otherwise. Else the adapter is added, as by
    `add_adapters`. If the file does not fit, nothing is changed.

    Bad at: noticing a base with other weights, which has the same shapes.

    Args:
        model: The base, or a model from `add_adapters`.
        path: The file.
        name: Name of the adapter in the model; by default as in the file.

    Returns:
        `model` itself if it has an adapter of that name; else a new model
        that is not compiled.

    Raises:
        ValueError: If the file is none of an adapter, or belongs to a base of
            other names or shapes.

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
    >>> kt.finetune.load_adapters(model, path) is model
    True
    >>> kt.finetune.load_adapters(base, path) is base
    False
    """
    check_graph(model)
    description, arrays = _read(path)
    adapter = _adapter(path, description)
    name = description["name"] if name is None else name
    beside = sorted({key.rpartition(":")[0] for key in arrays["beside"]})
    known = adapters_of(model)
    if name in known:
        _check_settings(path, adapter, known[name])
    else:
        model = add_adapters(model, adapter, name, also_train=beside)
    pairs = [
        *_pairs(path, adapter_variables(model, name), arrays["adapter"]),
        *_pairs(path, variables_beside(model, beside), arrays["beside"]),
    ]
    for variable, array in pairs:
        variable.assign(array)
    return model


def _read(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        description = json.loads(str(arrays.pop(DESCRIPTION)))
    except (zipfile.BadZipFile, KeyError, ValueError, AttributeError) as error:
        raise invalid_argument(
            "path", str(path), "a file that save_adapters wrote"
        ) from error
    if description.get("format") != FORMAT:
        raise invalid_argument("path", str(path), f"a file of format {FORMAT}")
    groups = {"adapter": {}, "beside": {}}
    for key, array in arrays.items():
        group, _, key = key.partition("/")
        groups[group][key] = array
    return description, groups


def _adapter(path, description):
    adapter = keras.saving.deserialize_keras_object(description["adapter"])
    if not isinstance(adapter, AbstractAdapter):
        raise invalid_argument("path", str(path), "the file of an adapter")
    return adapter


def _check_settings(path, given, expected):
    for key, value in expected.get_config().items():
        if key in _WITHOUT_MEANING and type(given) is type(expected):
            continue
        other = given.get_config().get(key)
        if type(given) is not type(expected) or other != value:
            raise ValueError(
                f"The file {str(path)!r} does not fit the adapter of this "
                f"name: it holds {type(given).__name__} with {key}={other!r}, "
                f"the model has {type(expected).__name__} with {key}={value!r}."
            )


def _pairs(path, variables, arrays):
    """Variables and their values, if they fit."""
    for key in [*variables, *arrays]:
        expected = variables[key].shape if key in variables else None
        given = arrays[key].shape if key in arrays else None
        if given is None or expected is None or given != tuple(expected):
            layer = key.rpartition(":")[0]
            raise ValueError(
                f"The file {str(path)!r} belongs to another base: at layer "
                f"{layer!r} it has {_described(given)}, the model has "
                f"{_described(expected)}. Nothing was changed."
            )
    return [(variables[key], array) for key, array in arrays.items()]


def _described(shape):
    return "no weights" if shape is None else f"weights of shape {tuple(shape)}"
