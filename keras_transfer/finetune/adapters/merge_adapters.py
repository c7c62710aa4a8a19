"""Adapters become part of the kernels that they were beside."""

import keras

from keras_transfer.finetune.adapters import biases
from keras_transfer.finetune.adapters import kernels
from keras_transfer.finetune.adapters.abstract_adapted import set_trainable
from keras_transfer.finetune.adapters.adapted_attention import AdaptedAttention
from keras_transfer.finetune.adapters.adapted_layer import AdaptedLayer
from keras_transfer.finetune.adapters.adapted_model import without_class
from keras_transfer.finetune.adapters.cloning import clone
from keras_transfer.finetune.adapters.graph_layers import adapted_layers
from keras_transfer.finetune.adapters.graph_layers import check_graph
from keras_transfer.finetune.adapters.graph_layers import graph_layers
from keras_transfer.finetune.adapters.graph_layers import projections
from keras_transfer.finetune.adapters.side_layer import SideLayer


def merge_adapters(model):
    """A plain model that computes what the adapters that count make of it.

    Formula, for `LoRA` with weight w:

        W' = W + w * (alpha / rank) * A B

    The outputs differ by rounding only. The new model needs neither this
    package nor more time than the base. All of its layers may learn.

    Bad at: half precision, in which small changes of large weights are
    rounded away.

    Args:
        model: A model from `add_adapters`. It is not changed.

    Returns:
        A `keras.Model` of the same names, which is not compiled.

    Raises:
        ValueError: If an adapter that counts cannot be merged, as
            `BottleneckAdapter`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> model = kt.finetune.add_adapters(model, kt.finetune.LoRA(rank=2))
    >>> [type(x).__name__ for x in kt.finetune.merge_adapters(model).layers]
    ['Dense']

    Reference:

    - [Hu et al., 2022, LoRA: Low-Rank Adaptation of Large Language Models,
      sec. 4.1](https://arxiv.org/abs/2106.09685)
    """
    check_graph(model)
    adapted = adapted_layers(model)
    merged = {
        path: layer.merged_weights()
        for path, layer in adapted
        if isinstance(layer, AdaptedLayer)
    }
    sides = [layer for _, layer in adapted if isinstance(layer, SideLayer)]
    for layer in sides:
        layer.check_unused()
    # Sequential models have no such layers, and cannot be cloned this way.
    after = _without_sides if sides else None
    result = without_class(clone(model, _plain, after=after))
    layers = _plain_layers(result)
    for path, (kernel, bias) in merged.items():
        layer = layers[path]
        if kernel is not None:
            kernels.kernel_of(layer).variable.assign(kernel)
        if bias is not None:
            biases.bias_of(layer).assign(bias)
    set_trainable(result, True)
    return result


def _plain(layer):
    if isinstance(layer, AdaptedLayer | AdaptedAttention):
        return layer.plain_layer()
    if isinstance(layer, SideLayer):
        return keras.layers.Identity(name=layer.name)
    return None


def _without_sides(old, new, *args, **kwargs):
    return args[0] if isinstance(old, SideLayer) else new(*args, **kwargs)


def _plain_layers(model):
    found = {}
    for path, layer in graph_layers(model):
        found[path] = layer
        if isinstance(layer, keras.layers.MultiHeadAttention):
            for name, part in projections(layer).items():
                found[f"{path}/{name}"] = part
    return found
