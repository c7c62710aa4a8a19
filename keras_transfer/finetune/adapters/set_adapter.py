"""Which adapters of a model count."""

import math
import numbers

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.adapters.graph_layers import adapted_layers
from keras_transfer.finetune.adapters.graph_layers import adapters_of
from keras_transfer.finetune.adapters.graph_layers import check_graph
from keras_transfer.finetune.adapters.graph_layers import check_name
from keras_transfer.training import layer_tree


def set_adapter(model, adapter):
    """Says which adapters of a model count, and how much. In place.

    Formula, with w the weight of each adapter, for those that add to outputs:

        outputs = base + w_1 * change_1 + w_2 * change_2 + ...

    Adapters that multiply, as `IA3`, move from 1 to their factor as w goes
    from 0 to 1. Adapters that count learn, the others do not. If this changes
    what learns, a compiled model has to be compiled again: until then `fit`
    raises an error. Nothing is traced anew if only weights change.

    Layers that learn beside the adapters are one for all and stay as they
    are.

    Bad at: adapters that were trained to work alone; a mixture of them may be
    worse than each.

    Args:
        model: A model from `add_adapters`.
        adapter: Name of one adapter, or a dict from names to weights; those
            that are not named have 0. `{}` gives the base.

    Returns:
        `None`; the model is changed.

    Raises:
        ValueError: If there is no such adapter, or a weight is not a number.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> lora = kt.finetune.LoRA(rank=2)
    >>> model = kt.finetune.add_adapters(model, lora, name="cats")
    >>> model = kt.finetune.add_adapters(model, lora, name="dogs")
    >>> kt.finetune.set_adapter(model, {"cats": 0.7, "dogs": 0.3})

    Reference:

    - [Zhang et al., 2023, Composing Parameter-Efficient Modules with
      Arithmetic Operations](https://arxiv.org/abs/2306.14870)
    """
    check_graph(model)
    strengths = {adapter: 1.0} if isinstance(adapter, str) else adapter
    if not isinstance(strengths, dict):
        raise invalid_argument(
            "adapter", adapter, "a name, or a dict from names to weights"
        )
    for name in strengths or adapters_of(model):
        check_name(model, name, "adapter")
    for name, strength in strengths.items():
        is_number = isinstance(strength, numbers.Real)
        if not is_number or not math.isfinite(strength):
            raise invalid_argument(
                "adapter", strengths, f"a finite weight for {name!r}"
            )
    before = [weight.trainable for weight in model.weights]
    learning = [name for name, strength in strengths.items() if strength]
    for _, layer in adapted_layers(model):
        layer.let_learn(learning)
        layer.weigh({name: float(w) for name, w in strengths.items()})
    if before != [weight.trainable for weight in model.weights]:
        layer_tree.uncompile(model)
