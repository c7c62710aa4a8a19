"""Variants of a model in other precisions."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.export.served_model import ServedModel
from keras_transfer.layers.opaque import opaque_layers

#: Largest differences to the float32 model that are accepted by default.
TOLERANCES = {"float32": 1e-5, "float16": 2e-2, "bfloat16": 1e-1, "int8": 1e-1}
_POLICIES = {"float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}
#: Layers that make numbers for others. What they have learnt by `adapt` is
#: partly neither in their config nor in their weights, and they calculate
#: nothing that half precision would hasten: the variant shares them.
_SHARED = (
    keras.layers.Discretization,
    keras.layers.HashedCrossing,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
    keras.layers.Normalization,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)
#: Layers that Keras has an 8-bit form of; of subclasses it has none.
_QUANTIZED = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Embedding,
)


def variant(served, precision):
    """The model in another precision, with the same names and weights.

    Args:
        served: A `ServedModel` in float32.
        precision: A key of `TOLERANCES`.

    Returns:
        A `ServedModel`; the same object for `"float32"`.

    Raises:
        ValueError: If the precision is unknown, or a layer cannot have it.
    """
    if precision not in TOLERANCES:
        raise unknown_name("precision", precision, TOLERANCES)
    if precision == "float32":
        return served
    finished = opaque_layers(served.model)
    if finished:
        raise invalid_argument(
            "precision",
            precision,
            f"'float32': the layer {finished[0].name!r} is a finished graph, "
            "which has its own precision",
        )
    copy = keras.models.clone_model(
        served.model,
        clone_function=lambda layer: _copy(layer, precision),
        recursive=True,
    )
    copy.set_weights(served.model.get_weights())
    if precision == "int8":
        _quantize(copy)
    return ServedModel(copy)


def _copy(layer, precision):
    if isinstance(layer, _SHARED):
        return layer
    config = layer.get_config()
    policy = _POLICIES.get(precision)
    if policy is not None and not isinstance(layer, keras.layers.InputLayer):
        config["dtype"] = policy
    return type(layer).from_config(config)


def _quantize(model):
    """As `model.quantize("int8")`, which fails at the layers for texts."""
    found = {
        id(layer): layer
        for layer in model._flatten_layers()
        if type(layer) in _QUANTIZED
    }
    if not found:
        raise invalid_argument(
            "precision",
            "int8",
            "another one: the model has no dense or embedding layer, whose "
            "weights could have 8 bits",
        )
    for layer in found.values():
        layer.quantize("int8")
