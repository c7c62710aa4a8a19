"""The usual case of fine-tuning in one call."""

import typing

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.callbacks.gradual_unfreezing import GradualUnfreezing
from keras_transfer.finetune import heads
from keras_transfer.finetune.layerwise_learning_rate import (
    LayerwiseLearningRate,
)
from keras_transfer.training import layer_tree

#: How much slower than the new head the pretrained layers learn.
_BACKBONE = 0.1
_PARTS = 4
#: Where `"lora"` puts adapters.
_ADAPTED = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


class Prepared(typing.NamedTuple):
    """What to fit, and with which callbacks.

    Attributes:
        model: A compiled `keras.Model` with a new head.
        callbacks: List of callbacks for its `fit`.
    """

    model: keras.Model
    callbacks: list


def prepare(
    model,
    num_classes,
    strategy="head",
    learning_rate=None,
    features=None,
    input_shape=None,
    head="head",
):
    """Makes a pretrained model ready to learn new classes.

    The strategies, from few examples to many:

    - `"head"`: only the new head learns, by Adam at 1e-3.
    - `"lora"`: besides the head, adapters of low rank in the dense and
      convolutional layers, see `finetune.LoRA`.
    - `"gradual"`: the head first, and a quarter of the other layers more
      every epoch, at a tenth of its learning rate.
    - `"full"`: all layers at once, at those rates. Training the head alone
      before does it good.

    Batch norms of the pretrained layers stay frozen, that is, in inference
    mode.

    Bad at: inputs that are not prepared as for the pretrained model; do that
    in the data or in the model.

    Args:
        model: Pretrained Functional or Sequential `keras.Model`, or a layer
            as `zoo.HubBackbone`. It is copied, weights and all, and does not
            change.
        num_classes: Number of new classes. `None` keeps the head that an
            earlier `prepare` has made, for a second stage.
        strategy: See above.
        learning_rate: Of the head: a number, or a schedule.
        features: Name of the layer of `model.layers` whose output the new
            head takes. By default the new head replaces the last layer with
            weights if that is dense and gives the output of the model, and
            what follows it; else it is put on the output. Feature maps are
            averaged over their positions.
        input_shape: For a layer: the shape of one row.
        head: Name of the new layer.

    Returns:
        `(model, callbacks)`: a compiled Functional model that returns logits,
        for integer labels, and the callbacks for its `fit`. Compile it again
        for other settings.

    Raises:
        ValueError: If the strategy is unknown, or if there is no saying where
            the head belongs.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> pretrained = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, activation="relu"),
    ...         keras.layers.Dense(10, activation="softmax"),
    ...     ]
    ... )
    >>> model, callbacks = kt.finetune.prepare(pretrained, 3, "gradual")
    >>> x, y = np.ones((6, 4)), np.array([0, 1, 2] * 2)
    >>> history = model.fit(x, y, callbacks=callbacks, verbose=0)
    >>> model.output_shape
    (None, 3)

    Reference:

    - [Howard & Ruder, 2018, Universal Language Model Fine-tuning for Text
      Classification, section 3.3](https://arxiv.org/abs/1801.06146)
    - [Hu et al., 2021, LoRA: Low-Rank Adaptation of Large Language Models,
      eq. 3](https://arxiv.org/abs/2106.09685)
    """
    if strategy not in _STRATEGIES:
        raise unknown_name("strategy", strategy, _STRATEGIES)
    if num_classes is None:
        new = heads.with_its_head(model, head)
    elif type(num_classes) is int and num_classes > 0:
        new = heads.with_new_head(
            model, num_classes, head, features, input_shape
        )
    else:
        raise invalid_argument("num_classes", num_classes, "a positive integer")
    rate = 1e-3 if learning_rate is None else learning_rate
    return _STRATEGIES[strategy](new, head, rate)


def _only_head(model, head, rate):
    _let_learn(model, lambda layer: layer.name == head)
    return Prepared(_compiled(model, keras.optimizers.Adam(rate)), [])


def _all_at_once(model, head, rate):
    _let_learn(model, lambda layer: True)
    optimizer = LayerwiseLearningRate(
        keras.optimizers.Adam(rate),
        multipliers={head: 1.0, "*": _BACKBONE},
        model=model,
    )
    return Prepared(_compiled(model, optimizer), [])


def _one_by_one(model, head, rate):
    model = _all_at_once(model, head, rate).model
    count = sum(
        not layer_tree.is_batch_norm(layer)
        for _, layer in layer_tree.weighted_nodes(model)
    )
    unfreezing = GradualUnfreezing(min(1 + _PARTS, count))
    # Before the optimizer makes its state, which would be there twice.
    unfreezing.set_model(model)
    return Prepared(model, [unfreezing])


def _adapters(model, head, rate):
    from keras_transfer.finetune.adapters import LoRA
    from keras_transfer.finetune.adapters import add_adapters

    _let_learn(model, lambda layer: True)
    target = [
        path
        for path, layer in layer_tree.weighted_nodes(model)
        if isinstance(layer, _ADAPTED) and layer.name != head
    ]
    if not target:
        raise ValueError(
            f"The model {model.name!r} has no dense or convolutional layer "
            "besides its head that 'lora' could put adapters into, and into a "
            "SavedModel they cannot go. Use 'head', 'gradual' or 'full'."
        )
    model = add_adapters(model, LoRA(target=target), also_train=head)
    return Prepared(_compiled(model, keras.optimizers.Adam(rate)), [])


#: For each name what it does with a model that has its new head.
_STRATEGIES = {
    "head": _only_head,
    "full": _all_at_once,
    "gradual": _one_by_one,
    "lora": _adapters,
}


def _let_learn(model, learns):
    """Decides for each layer; batch norms never learn."""
    layer_tree.set_trainable(
        model,
        {
            id(layer): learns(layer) and not layer_tree.is_batch_norm(layer)
            for _, layer in layer_tree.nodes(model)
        },
    )


def _compiled(model, optimizer):
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model
