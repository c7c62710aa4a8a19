"""Layers that join the training one group after the other."""

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.training import layer_tree
from keras_transfer.training.optimizer_wrapper import OptimizerWrapper
from keras_transfer.training.optimizer_wrapper import fresh_copy
from keras_transfer.training.staged_optimizer import StagedOptimizer


class GradualUnfreezing(keras.callbacks.Callback):
    """Trains the head first, and one group of layers more every few epochs.

    In epoch e, counted from 0, the groups up to number `e // every` learn. A
    layer in no group is left as it is.

    There is no need to freeze anything before: this is done at the begin of
    each epoch, from its number, so that a run that is resumed by
    `BackupAndRestore` is at the right stage. The model stays compiled. Its
    optimizer is replaced by copies of it, one for each group, with one
    learning rate: what learns already keeps its state, and what joins begins
    as with a new optimizer.

    After training the layers stay as they are in the last epoch.

    Bad at: short trainings, in which the lower layers come too late.

    Args:
        groups: List of groups, that of the head first; a group is the name
            of a layer, a wildcard pattern, or a list of these. A layer
            belongs to the first group that matches. An integer makes as many
            groups: the last layer with weights, and equal parts of the
            others. By default each layer of `model.layers` with weights is a
            group, a nested model being one.
        every: Number of epochs after which the next group joins.
        batch_norm: Whether batch norms join too, or are left as they are.

    Raises:
        ValueError: If a group matches nothing, or if the optimizer has
            learnt already.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, name="hidden"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> model.compile("adam", "mse")
    >>> unfreezing = kt.callbacks.GradualUnfreezing(["head", "hidden"])
    >>> x, y = np.ones((8, 4)), np.ones((8, 3))
    >>> history = model.fit(x, y, callbacks=[unfreezing], verbose=0)
    >>> [layer.trainable for layer in model.layers]
    [False, True]

    Reference:

    - [Howard & Ruder, 2018, Universal Language Model Fine-tuning for Text
      Classification, section 3.3](https://arxiv.org/abs/1801.06146)
    """

    def __init__(self, groups=None, every=1, batch_norm=False):
        if isinstance(groups, str) or (groups is not None and not groups):
            raise invalid_argument(
                "groups", groups, "a list of layer names or patterns"
            )
        if not isinstance(every, int) or every < 1:
            raise invalid_argument("every", every, "a positive integer")
        super().__init__()
        self.groups = groups
        self.every = every
        self.batch_norm = batch_norm
        self._layers = []
        self._stage = None

    def set_model(self, model):
        super().set_model(model)
        if not model.built:
            raise ValueError(
                "GradualUnfreezing needs a model that has its weights. Build "
                "it first, by an Input or by calling it."
            )
        self._layers = self._grouped(model)
        if model.compiled:
            # Before other callbacks restore its state.
            self._stage_optimizer(model)

    def on_train_begin(self, logs=None):
        self._stage = None  # the train function may be of another stage

    def on_epoch_begin(self, epoch, logs=None):
        stage = min(epoch // self.every, len(self._layers) - 1)
        if stage == self._stage:
            return
        self._stage = stage
        layer_tree.set_trainable(self.model, self._states(stage))
        self.model.make_train_function(force=True)

    def _states(self, stage):
        return {
            id(layer): number <= stage
            for number, group in enumerate(self._layers)
            for layer in group
        }

    def _grouped(self, model):
        """Lists of layers with weights, the head's first."""
        every = [
            node
            for node in layer_tree.weighted_nodes(model)
            if self.batch_norm or not layer_tree.is_batch_norm(node.layer)
        ]
        if self.groups is None:
            groups = _by_outer_layer(every)
        elif isinstance(self.groups, int):
            groups = _in_equal_parts(every, self.groups)
        else:
            groups = _by_pattern(model, every, self.groups)
        return [[node.layer for node in group] for group in groups]

    def _stage_optimizer(self, model):
        groups, variables = self._variables(model)
        paths = [[variable.path for variable in group] for group in groups]
        outer = model.optimizer
        is_scaled = isinstance(outer, keras.optimizers.LossScaleOptimizer)
        optimizer = outer.inner_optimizer if is_scaled else outer
        if not isinstance(optimizer, StagedOptimizer):
            optimizer = _staged(optimizer, paths, model)
            outer = _around(outer, optimizer) if is_scaled else optimizer
            _set_optimizer(model, outer, optimizer)
        elif not optimizer.has_groups(paths):
            raise ValueError(
                "The optimizer of the model is one of other groups of layers. "
                "Compile the model again."
            )
        # For all variables at once: Keras raises at what comes later.
        if not outer.built:
            outer.build(variables)
        optimizer.build(variables)

    def _variables(self, model):
        """What learns in each group, and all that learns at the end."""
        before = {
            id(layer): layer.trainable for _, layer in layer_tree.nodes(model)
        }
        before[id(model)] = model.trainable
        layer_tree.set_trainable(model, self._states(len(self._layers)))
        groups = [
            [
                weight
                for layer in group
                for weight in layer_tree.own_weights(layer)
                if weight.trainable
            ]
            for group in self._layers
        ]
        learning = {id(weight) for group in groups for weight in group}
        learning |= {id(weight) for weight in model.trainable_weights}
        layer_tree.set_trainable(model, before)
        return groups, [w for w in model.weights if id(w) in learning]


def _staged(optimizer, paths, model):
    """A new staged optimizer with the settings of one that was not used."""
    if int(optimizer.iterations) > 0:
        raise ValueError(
            "GradualUnfreezing gives each group of layers a state of its own, "
            "but the optimizer of the model has learnt already. Compile the "
            "model again, with a new optimizer."
        )
    fresh = fresh_copy(optimizer)
    if isinstance(fresh, OptimizerWrapper):
        fresh.resolve(model.weights)
    return StagedOptimizer(fresh, paths)


@tf.__internal__.tracking.no_automatic_dependency_tracking
def _set_optimizer(model, outer, inner):
    """As `compile` would, but the metrics stay: they are in use by now."""
    compiled_with = model._compile_config.config
    # Keras adds the loss scaling after it has noted what it was given.
    is_outer = compiled_with["optimizer"] is model.optimizer
    compiled_with["optimizer"] = outer if is_outer else inner
    model.optimizer = outer


def _around(outer, optimizer):
    config = outer.get_config()
    del config["inner_optimizer"]
    return keras.optimizers.LossScaleOptimizer(optimizer, **config)


def _by_outer_layer(every):
    groups = {}
    for node in every:
        groups.setdefault(node.path.split("/")[0], []).append(node)
    return list(reversed(groups.values()))


def _in_equal_parts(every, count):
    if isinstance(count, bool) or not 1 <= count <= len(every):
        raise invalid_argument(
            "groups", count, f"1 to {len(every)}, the layers with weights"
        )
    *rest, head = every
    if count == 1:
        return [every]
    bounds = [len(rest) * i // (count - 1) for i in range(count)]
    parts = [
        rest[start:end]
        for start, end in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    return [[head], *reversed(parts)]


def _by_pattern(model, every, patterns):
    taken = set()
    groups = []
    for entry in patterns:
        names = [entry] if isinstance(entry, str) else list(entry)
        for name in names:
            layer_tree.find(model, name, "groups")
        group = [
            node
            for node in every
            if id(node.layer) not in taken
            and any(layer_tree.matches(name, node.path) for name in names)
        ]
        if not group:
            raise invalid_argument(
                "groups",
                entry,
                "layers with weights that are in no group before",
            )
        taken.update(id(node.layer) for node in group)
        groups.append(group)
    return groups
