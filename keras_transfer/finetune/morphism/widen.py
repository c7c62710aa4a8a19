"""More units in a layer, same function."""

import numbers

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer.finetune.morphism import channel_rules
from keras_transfer.finetune.morphism import layer_kinds
from keras_transfer.finetune.morphism.channel_maps import ChannelMaps
from keras_transfer.finetune.morphism.rebuild import Edit
from keras_transfer.finetune.morphism.rebuild import morph
from keras_transfer.finetune.morphism.variable_steps import Gather


def widen(model, layer, units, noise=0.1, seed=0, carry_optimizer=False):
    """Gives a layer more units, so that the model computes what it did.

    Net2WiderNet. With n old units, a random map g with `g(j) = j` for j < n,
    and `c(j)` the number of units that are copies of the same one:

        incoming:  U'[:, j] = U[:, g(j)],   b'[j] = b[g(j)]
        outgoing:  V'[j, :] = V[g(j), :] / c(j) + noise[j, :]

    The noise sums to zero over the copies of a unit, so that it changes
    nothing either (Chen et al. add theirs to the incoming weights, which
    does). Without noise the copies would get equal gradients and stay equal.

    What is between the layer and those that mix its channels follows: batch
    norm with its statistics, activations, dropout, pooling, depthwise
    convolutions, Flatten, Concatenate. Where branches meet in an Add or a
    Multiply, the layers that make the other branches are widened alike.

    Bad at: models that are wide enough; new units begin as copies, and it
    takes training until they are worth their cost. With half precision the
    sums of copies differ in the last bits.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        layer: Name of a Dense, Embedding, convolutional or separable
            convolutional layer; `"backbone/conv_1"` for one in a model inside
            the model.
        units: New number of units, or filters.
        noise: Nonnegative standard deviation of the noise, relative to that
            of the outgoing weights.
        seed: Integer for the map and the noise.
        carry_optimizer: Whether the new model is compiled as the old one is,
            with the optimizer's state. The state of copied units is what it
            would be if they had been there all the time.

    Returns:
        A new model; not compiled, unless `carry_optimizer` says so. The names
        of the layers are the same.

    Raises:
        ValueError: If there is no such layer, or if its channels reach a
            layer that would compute something else from copies, such as a
            layer normalization, a softmax, or the model's output.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, activation="relu", name="hidden"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> wider = kt.finetune.widen(model, "hidden", 12)
    >>> wider.get_layer("hidden").units
    12
    >>> x = np.ones((2, 4), "float32")
    >>> bool(np.allclose(wider(x), model(x), atol=1e-5))
    True

    Reference:

    - [Chen, Goodfellow & Shlens, 2016, Net2Net: Accelerating Learning via
      Knowledge Transfer, section 2.2](https://arxiv.org/abs/1511.05641)
    """
    if not isinstance(noise, numbers.Real) or not 0 <= noise < float("inf"):
        raise invalid_argument("noise", noise, "a nonnegative number")
    generator = np.random.default_rng(seed)

    def edit(graph, name):
        index = _random_map(graph, name, units, generator)
        maps = ChannelMaps(graph, name, index)
        return _edit(graph, maps, noise, generator)

    return morph(model, layer, edit, carry_optimizer)


def _random_map(graph, name, units, generator):
    operation = graph.find(name, "layer")
    if type(operation) not in layer_kinds.MIXING or not graph.calls[name]:
        raise invalid_argument(
            "layer",
            name,
            "the name of a Dense, Embedding or convolutional layer",
            "Other layers are as wide as what comes in: widen the layer "
            "before.",
        )
    rule = channel_rules.rule_of(operation, graph.calls[name][0])
    if rule.refusal:
        raise ValueError(f"{rule.refusal}, and cannot be widened.")
    width = operation.get_config()[rule.width]
    if not is_integer(units, least=width + 1):
        raise invalid_argument("units", units, f"an integer above {width}")
    copies = generator.integers(0, width, units - width)
    return np.concatenate([np.arange(width), copies])


def _edit(graph, maps, noise, generator):
    edit = Edit()
    for name, calls in graph.calls.items():
        if not calls:
            continue
        operation, rule = graph.operations[name], maps.rule(calls[0])
        inputs, output = maps.of_inputs(calls[0]), maps.of(calls[0].output)
        if output is not None:
            changes = _changes(operation, rule, len(output))
            if changes:
                edit.configs[name] = changes
        chosen = {"output": output, "input": inputs[0]}
        for weight in rule.weights:
            index = chosen[weight.follows]
            if index is None:
                continue
            steps = edit.steps.setdefault(name, {})
            _add_step(operation, weight, index, steps, noise, generator)
    return edit


def _changes(operation, rule, width):
    if rule.width:
        return {rule.width: width}
    if type(operation).__name__ == "Reshape":
        shape = list(operation.target_shape)
        # All but the last of a Reshape to one axis, whose length follows.
        return {"target_shape": [*shape[:-1], width]}
    return {}


def _add_step(operation, weight, index, steps, noise, generator):
    variable = getattr(operation, weight.name)
    if not any(variable is one for one in operation.weights):
        raise ValueError(
            f"The weights of layer {operation.name!r} are not its "
            f"{weight.name!r} alone. Merge what was added to it first, such "
            "as LoRA."
        )
    if weight.repeats > 1:
        index = channel_rules.repeated(index, weight.repeats)
    axis = weight.axis % len(variable.shape)
    step = Gather(axis, index, weight.divides)
    if weight.divides and noise:
        step = step.with_noise(np.asarray(variable), noise, generator)
    # Dividing comes first: its noise is drawn for the weight as it is.
    steps.setdefault(id(variable), []).append(step)
