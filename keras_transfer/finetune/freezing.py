"""Which layers of a model learn."""

import math
import typing

from keras_transfer._public import invalid_argument
from keras_transfer.training import layer_tree


class TrainableReport(typing.NamedTuple):
    """Which layers learn after `freeze` or `unfreeze`.

    Attributes:
        frozen: Paths of the layers with weights of which none learns.
        trained: Paths of the layers with weights that learn.
        frozen_weights: Number of frozen numbers, statistics among them.
        trained_weights: Number of numbers that learn.
    """

    frozen: tuple
    trained: tuple
    frozen_weights: int
    trained_weights: int

    def __str__(self):
        count = len(self.frozen) + len(self.trained)
        lines = [
            f"{len(self.frozen)} of {count} layers are frozen "
            f"({self.frozen_weights:,} weights), {len(self.trained)} learn "
            f"({self.trained_weights:,} weights)."
        ]
        for label, names in (("frozen", self.frozen), ("learn", self.trained)):
            if names:
                lines.append(f"{label}: {_shortened(names)}")
        return "\n".join(lines)


def freeze(model, until=None, batch_norm=True):
    """Stops the layers up to one of them, and that one, from learning.

    A frozen batch norm runs in inference mode, as everywhere in Keras: it
    normalizes by its moving statistics, which stand still.

    If anything changes, a compiled model has to be compiled again: Keras
    would go on with the training function it has, and raise nothing. So `fit`
    raises an error until then. A model that this one is only a part of cannot
    know: pass the whole model, and the part by its name.

    A file keeps what is frozen, except in layers that Keras gives their parts
    only when they are built, such as `MultiHeadAttention`: after
    `keras.saving.load_model` freeze again before training goes on.

    Bad at: data so far from the source that its first layers are of no use.

    Args:
        model: A built `keras.Model`. It is changed in place.
        until: Name, path (`"backbone/conv_2"`) or wildcard pattern of a
            layer, also of one inside a nested model; with several matches the
            last counts. Or its index in `model.layers`. `None` for all. The
            order is that of the graph, or of the attributes of a subclassed
            model.
        batch_norm: Whether batch norms among these layers are frozen too;
            else they stay as they are, so that their statistics follow the
            new data.

    Returns:
        A record of `frozen` and `trained`, the paths of the layers with
        weights, and `frozen_weights` and `trained_weights`, how many numbers
        they hold. As a string it is a short report.

    Raises:
        ValueError: If there is no such layer.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, name="hidden"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> print(kt.finetune.freeze(model, until="hidden"))
    1 of 2 layers are frozen (40 weights), 1 learn (27 weights).
    frozen: hidden
    learn: head

    Reference:

    - [Yosinski et al., 2014, How transferable are features in deep neural
      networks?](https://arxiv.org/abs/1411.1792)
    """
    every = layer_tree.nodes(model)
    if until is None:
        chosen = every
    else:
        last = _found(model, until, "until")[-1]
        chosen = every[: every.index(last) + 1]
    wanted = _states(chosen, False, batch_norm)
    if until is None:
        wanted[id(model)] = False
    return _apply(model, wanted)


def unfreeze(model, from_=None, batch_norm=False):
    """Lets the layers from one of them on, and that one, learn.

    Batch norms stay as they are unless told otherwise: that of a pretrained
    network is frozen, because statistics of small batches would undo what the
    other layers have learnt to expect. That of a new head learns.

    If anything changes, a compiled model has to be compiled again: see
    `freeze`.

    Bad at: high learning rates; what was pretrained is soon forgotten.

    Args:
        model: A built `keras.Model`. It is changed in place.
        from_: Name, path or wildcard pattern of a layer, also of one inside a
            nested model; with several matches the first counts. Or its index
            in `model.layers`. `None` for all.
        batch_norm: Whether batch norms among these layers learn too.

    Returns:
        What `freeze` returns.

    Raises:
        ValueError: If there is no such layer.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, name="first"),
    ...         keras.layers.Dense(8, name="second"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> _ = kt.finetune.freeze(model)
    >>> kt.finetune.unfreeze(model, from_="second").trained
    ('second', 'head')

    Reference:

    - [Transfer learning and fine-tuning, Keras
      guide](https://keras.io/guides/transfer_learning/)
    """
    every = layer_tree.nodes(model)
    if from_ is None:
        chosen = every
    else:
        first = _found(model, from_, "from_")[0]
        chosen = every[every.index(first) :]
    wanted = _states(chosen, True, batch_norm)
    if from_ is None:
        wanted[id(model)] = True
    return _apply(model, wanted)


def report(model):
    """The `TrainableReport` of a model as it is."""
    frozen, trained = [], []
    learning = {id(weight) for weight in model.trainable_weights}
    for path, layer in layer_tree.weighted_nodes(model):
        own = layer_tree.own_weights(layer)
        learns = any(id(weight) in learning for weight in own)
        (trained if learns else frozen).append(path)
    total = _size(model.weights)
    trained_weights = _size(model.trainable_weights)
    return TrainableReport(
        tuple(frozen), tuple(trained), total - trained_weights, trained_weights
    )


def _found(model, where, argument):
    """The nodes of a layer that is given by name, pattern or index."""
    if isinstance(where, str):
        return layer_tree.find(model, where, argument)
    layers = model.layers
    if isinstance(where, bool) or not isinstance(where, int):
        raise invalid_argument(
            argument, where, "the name of a layer, a pattern, or an index"
        )
    if not -len(layers) <= where < len(layers):
        raise invalid_argument(
            argument, where, f"an index into the {len(layers)} layers"
        )
    layer = layers[where]
    inside = {id(part) for part in layer._flatten_layers()}
    return [n for n in layer_tree.nodes(model) if id(n.layer) in inside]


def _states(chosen, state, batch_norm):
    return {
        id(layer): state
        for _, layer in chosen
        if batch_norm or not layer_tree.is_batch_norm(layer)
    }


def check_built(model):
    """Raises for a model without weights."""
    if not model.built:
        raise ValueError(
            "The model has no weights yet. Build it first, by an Input or by "
            "calling it."
        )


def _apply(model, wanted):
    check_built(model)
    if layer_tree.set_trainable(model, wanted):
        layer_tree.uncompile(model)
    return report(model)


def _size(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def _shortened(names):
    names = list(names)
    if len(names) > 6:
        names = [*names[:3], "...", *names[-2:]]
    return ", ".join(names)
