"""What adapters a model has, and where."""

import math
import typing

from keras_transfer.finetune.adapters.graph_layers import adapted_layers
from keras_transfer.finetune.adapters.graph_layers import adapters_of
from keras_transfer.finetune.adapters.graph_layers import check_graph
from keras_transfer.finetune.adapters.graph_layers import other_learning_layers
from keras_transfer.finetune.adapters.reach import reach
from keras_transfer.finetune.adapters.side_tuning import SideTuning


class AdapterReport(typing.NamedTuple):
    """What `adapter_report` returns.

    Attributes:
        adapters: Dict from the name of an adapter to its class's name.
        matched: Dict from name to the paths of the layers that have it.
        unreachable: Dict from name to a dict from the path of a layer that
            the target names to the reason why it has none.
        strengths: Dict from name to how much the adapter counts.
        learning: Names of the adapters that learn.
        also_trained: Paths of the layers that learn beside them.
        trained_weights: Number of numbers that learn.
        total_weights: Number of all, those of adapters among them.
    """

    adapters: dict
    matched: dict
    unreachable: dict
    strengths: dict
    learning: tuple
    also_trained: tuple
    trained_weights: int
    total_weights: int

    def __str__(self):
        lines = []
        for name, kind in self.adapters.items():
            paths = self.matched[name]
            learns = ", learns" if name in self.learning else ""
            lines.append(
                f"{name}: {kind} at {len(paths)} "
                f"layer{'s' * (len(paths) != 1)} "
                f"(counts {self.strengths[name]:g}{learns}): {', '.join(paths)}"
            )
            lines += [
                f"  not at {path}: it {reason}"
                for path, reason in self.unreachable[name].items()
            ]
        if self.also_trained:
            lines.append(f"also learns: {', '.join(self.also_trained)}")
        lines.append(
            f"{self.trained_weights:,} of {self.total_weights:,} weights learn."
        )
        return "\n".join(lines)


def adapter_report(model):
    """What adapters a model has, where, and what they could not reach.

    Args:
        model: A Functional or Sequential model, mostly from `add_adapters`.

    Returns:
        A record of `adapters`, `matched`, `unreachable`, `strengths`,
        `learning`, `also_trained`, `trained_weights` and `total_weights`. As
        a string it is a short report.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.Dense(3, name="dense")]
    ... )
    >>> model = kt.finetune.add_adapters(model, kt.finetune.LoRA(rank=2))
    >>> kt.finetune.adapter_report(model).matched
    {'default': ('dense',)}
    """
    check_graph(model)
    adapters = adapters_of(model)
    matched = {name: [] for name in adapters}
    strengths, learning = {}, {}
    for path, layer in adapted_layers(model):
        for name, branch in layer.branches.items():
            matched[name].append(path)
            strengths[name] = float(branch.strength)
            learning[name] = branch.trainable
    beside = other_learning_layers(model)
    return AdapterReport(
        adapters={name: type(a).__name__ for name, a in adapters.items()},
        matched={name: tuple(paths) for name, paths in matched.items()},
        unreachable={
            name: _missed(model, adapter, beside)
            for name, adapter in adapters.items()
        },
        strengths=strengths,
        learning=tuple(name for name, learns in learning.items() if learns),
        also_trained=tuple(path for path, _ in beside),
        trained_weights=_size(model.trainable_weights),
        total_weights=_size(model.weights),
    )


def _missed(model, adapter, beside):
    if isinstance(adapter, SideTuning):
        return {}
    places = reach(model, adapter, without={id(node.layer) for node in beside})
    return {p.path: p.reason for p in places if p.reason is not None}


def _size(weights):
    return sum(math.prod(weight.shape) for weight in weights)
