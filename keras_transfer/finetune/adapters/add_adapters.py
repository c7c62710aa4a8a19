"""Puts adapters into a model."""

import re
import warnings

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.finetune.adapters.abstract_adapted import AbstractAdapted
from keras_transfer.finetune.adapters.abstract_adapted import set_trainable
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.adapted_attention import AdaptedAttention
from keras_transfer.finetune.adapters.adapted_layer import AdaptedLayer
from keras_transfer.finetune.adapters.adapted_model import with_frozen_insides
from keras_transfer.finetune.adapters.cloning import clone
from keras_transfer.finetune.adapters.cloning import copied
from keras_transfer.finetune.adapters.cloning import new_inputs
from keras_transfer.finetune.adapters.graph_layers import adapted_layers
from keras_transfer.finetune.adapters.graph_layers import adapters_of
from keras_transfer.finetune.adapters.graph_layers import check_graph
from keras_transfer.finetune.adapters.graph_layers import graph_layers
from keras_transfer.finetune.adapters.graph_layers import projections
from keras_transfer.finetune.adapters.patterns import any_matches
from keras_transfer.finetune.adapters.patterns import as_patterns
from keras_transfer.finetune.adapters.reach import reach
from keras_transfer.finetune.adapters.side_layer import SideLayer
from keras_transfer.finetune.adapters.side_tuning import SideTuning


def add_adapters(model, adapter, name="default", also_train=()):
    """A new model with an adapter in it, of which only the adapter learns.

    The layers of the given model are copied and frozen; it is not changed
    itself. The new model is not compiled, so that `fit` asks for `compile`.
    A frozen batch norm runs in inference mode, as everywhere in Keras.

    A model may have several adapters, each with a name. The one that was
    added last counts alone and learns alone, until `set_adapter` says
    otherwise.

    Bad at: layers of other packages that make their own dense layers inside,
    where Keras lets nobody in. A warning lists those that the target names.

    Args:
        model: A built Functional or Sequential `keras.Model`, plain or from
            `add_adapters`.
        adapter: An adapter, as `LoRA(rank=8, target="dense*")`.
        name: Name of the adapter in the model: letters, digits, `_` and `-`.
        also_train: Names, paths or patterns of layers that learn as they are,
            as a new head. No adapter is put there. They are one for all
            adapters.

    Returns:
        A `keras.Model` of the same names. `adapter_report` shows what is
        where.

    Raises:
        ValueError: If a pattern matches nothing that can be adapted, if the
            name is taken, or if the model is subclassed.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, activation="relu", name="dense_1"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> adapter = kt.finetune.LoRA(rank=2)
    >>> adapted = kt.finetune.add_adapters(model, adapter, also_train="head")
    >>> print(kt.finetune.adapter_report(adapted))
    default: LoRA at 1 layer (counts 1, learns): dense_1
    also learns: head
    51 of 92 weights learn.

    Reference:

    - [Houlsby et al., 2019, Parameter-Efficient Transfer Learning for
      NLP](https://arxiv.org/abs/1902.00751)
    """
    check_graph(model)
    if not isinstance(adapter, AbstractAdapter):
        raise invalid_argument("adapter", adapter, "an adapter, as LoRA()")
    _check_new_name(model, name)
    kept = _kept_layers(model, as_patterns("also_train", also_train))
    places = reach(model, adapter, without={id(node.layer) for node in kept})
    if isinstance(adapter, SideTuning):
        result = _with_side(model, adapter, name, places[0].layer)
    else:
        _check_reached(model, adapter, places)
        result = clone(model, _Replacement(adapter, name, places))
    result = with_frozen_insides(result)
    _finish(result, name, {node.path for node in kept})
    _warn_of_missed(places)
    return result


class _Replacement:
    """Wraps the layers that an adapter goes to."""

    def __init__(self, adapter, name, places):
        self.adapter = adapter
        self.name = name
        self.paths = {
            id(place.layer): place.path
            for place in places
            if place.reason is None
        }

    def __call__(self, layer):
        if id(layer) in self.paths:
            return self._adapted(layer)
        kinds = AdaptedAttention | keras.layers.MultiHeadAttention
        if not isinstance(layer, kinds):
            return None
        parts = projections(layer)
        if not any(id(part) in self.paths for part in parts.values()):
            return None
        is_adapted = isinstance(layer, AdaptedAttention)
        config = layer.attention if is_adapted else layer.get_config()
        new = {
            name: self._adapted(part)
            if id(part) in self.paths
            else copied(part)
            for name, part in parts.items()
        }
        return AdaptedAttention(
            config, **new, name=layer.name, dtype=layer.dtype_policy
        )

    def _adapted(self, layer):
        path, adapters = self.paths[id(layer)], {}
        if isinstance(layer, AdaptedLayer):
            layer, adapters = layer.plain_layer(), layer.adapters
        return AdaptedLayer(
            layer,
            {**adapters, self.name: self.adapter},
            active=[self.name],
            path=path,
        )


def _with_side(model, adapter, name, target):
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    inputs = new_inputs(model)
    _check_shapes("inputs", adapter.side.inputs, model.inputs)
    uses = []

    def after(old, new, *args, **kwargs):
        outputs = new(*args, **kwargs)
        if old is not target:
            return outputs
        uses.append(outputs)
        if len(uses) > 1:
            raise invalid_argument(
                "target", target.name, "a layer that the model uses once"
            )
        _check_shapes("outputs", adapter.side.outputs, outputs)
        side = SideLayer({name: adapter}, name=f"{target.name}_{name}")
        return side(outputs, inputs)

    return clone(model, lambda layer: None, inputs, after)


def _check_shapes(what, given, expected):
    given, expected = (
        [tuple(x.shape) for x in keras.tree.flatten(tensors)]
        for tensors in (given, expected)
    )
    if [s[1:] for s in given] != [s[1:] for s in expected]:
        raise invalid_argument(
            "side", given, f"a model with {what} of the shapes {expected}"
        )


def _check_new_name(model, name):
    if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
        raise invalid_argument("name", name, "letters, digits, `_` and `-`")
    if name in adapters_of(model):
        raise invalid_argument("name", name, "a name that the model lacks")


def _kept_layers(model, patterns):
    nodes = graph_layers(model)
    for pattern in patterns:
        if not any(any_matches([pattern], path) for path, _ in nodes):
            paths = [path for path, _ in nodes]
            raise unknown_name("also_train", pattern, paths)
    return [node for node in nodes if any_matches(patterns, node.path)]


def _check_reached(model, adapter, places):
    if any(place.reason is None for place in places):
        return
    if places:
        raise ValueError(
            f"No layer that {adapter.target} names can take the adapter: "
            f"{_listed(places)}."
        )
    raise unknown_name(
        "target",
        ", ".join(adapter.target),
        [place.path for place in reach(model, _Everywhere(adapter))],
    )


class _Everywhere:
    """An adapter without a target."""

    def __init__(self, adapter):
        self.applies = adapter.applies
        self.refusal = adapter.refusal

    def wants(self, path):
        return True


def _finish(model, name, kept):
    """Lets the new adapter and some layers learn, and nothing else."""
    set_trainable(model, True)
    for path, layer in graph_layers(model):
        parts = [layer]
        if isinstance(layer, AdaptedAttention):
            parts = layer.projections
        for part in parts:
            if not isinstance(part, AbstractAdapted):
                set_trainable(part, path in kept)
    for _, layer in adapted_layers(model):
        layer.let_learn([name])
        layer.weigh({name: 1.0})
        if name in layer.branches:
            layer.branches[name].begin()


def _warn_of_missed(places):
    missed = [place for place in places if place.reason is not None]
    if missed:
        warnings.warn(
            f"{len(missed)} of {len(places)} layers that the target names "
            f"cannot be reached: {_listed(missed)}.",
            stacklevel=3,
        )


def _listed(places):
    shown = [f"{place.path!r} {place.reason}" for place in places[:3]]
    if len(places) > 3:
        shown.append(f"and {len(places) - 3} more")
    return "; ".join(shown)
