"""A new model with some layers changed, and the weights of the old one."""

import collections.abc
import dataclasses
import inspect
import warnings

import keras
import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.morphism import optimizer_state
from keras_transfer.finetune.morphism.graph import Graph
from keras_transfer.finetune.morphism.graph import is_graph


@dataclasses.dataclass
class Edit:
    """What is changed; everything else is copied.

    Attributes:
        configs: Dict from names of layers to dicts of changes of the config.
        steps: Dict from names of layers to dicts from the `id` of a variable
            to a list of steps, see `variable_steps`.
        inserted: Dict from names of layers to lists of new layers that follow
            them.
        joins: Dict from names of layers to functions of the output and of a
            dict of all outputs by name, which return the new output.
        nested: Dict from names of models inside the model to what `build`
            returned for them.
        finish: Function of the new model, for the weights of new layers.
    """

    configs: dict = dataclasses.field(default_factory=dict)
    steps: dict = dataclasses.field(default_factory=dict)
    inserted: dict = dataclasses.field(default_factory=dict)
    joins: dict = dataclasses.field(default_factory=dict)
    nested: dict = dataclasses.field(default_factory=dict)
    finish: collections.abc.Callable | None = None


def morph(model, path, make_edit, carry_optimizer):
    """Edits a model, or a model inside it, and copies the weights.

    Args:
        model: A built Functional or Sequential model.
        path: Name of a layer, with the names of the models around it before
            it, as `"backbone/conv_1"`.
        make_edit: Function of a `Graph` and a name in it; returns an `Edit`.
        carry_optimizer: Whether the new model is compiled as the old one is,
            and goes on with its optimizer's state.

    Returns:
        The new model.
    """
    if not isinstance(path, str):
        raise invalid_argument("layer", path, "the name of a layer")
    if carry_optimizer:
        optimizer_state.check_compiled(model)
    new_model, pairs = _morph(model, path, make_edit)
    if carry_optimizer:
        optimizer_state.carry_over(model, new_model, pairs)
    return new_model


def _morph(model, path, make_edit):
    graph = Graph(model)
    name, _, rest = path.partition("/")
    if not rest:
        return build(graph, make_edit(graph, name))
    inner = graph.find(name, "layer")
    if not is_graph(inner):
        raise invalid_argument(
            "layer", path, "the name of a layer", f"{name!r} is not a model."
        )
    edit = Edit(nested={name: _morph(inner, rest, make_edit)})
    return build(graph, edit)


def build(graph, edit):
    """The new model, uncompiled, and where its variables come from.

    Returns:
        `(model, pairs)`: pairs of old and new variables with the steps
        between, `(old, new, steps)`. New ones without an old one are missing.
    """
    copies, pairs, inner_pairs = {}, [], []

    def copy(operation):
        name = operation.name
        if name not in copies:
            copies[name] = _copy(operation, edit, inner_pairs)
        return copies[name]

    is_sequential = isinstance(graph.model, keras.Sequential)
    if is_sequential and not edit.joins:
        new_model = _sequential(graph, edit, copy)
    else:
        new_model = _functional(graph, edit, copy)
    for name, new in copies.items():
        old = graph.operations[name]
        if isinstance(old, keras.layers.Layer) and not is_graph(old):
            pairs += _pair(old, new, edit.steps.get(name, {}))
    _assign(pairs)
    if edit.finish is not None:
        edit.finish(new_model)
    return new_model, pairs + inner_pairs


def _copy(operation, edit, inner_pairs):
    """A new layer or operation, without the weights."""
    if operation.name in edit.nested:
        new, pairs = edit.nested[operation.name]
        inner_pairs += pairs
        return new
    if is_graph(operation):
        new, pairs = build(Graph(operation), Edit())
        inner_pairs += pairs
        return new
    changes = edit.configs.get(operation.name, {})
    if type(operation) is keras.layers.Lambda:
        return _copy_of_lambda(operation)
    return type(operation).from_config({**operation.get_config(), **changes})


def _copy_of_lambda(layer):
    """From its config it would come back as code without its globals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        config = layer.get_config()
    return keras.layers.Lambda(**{**config, "function": layer.function})


def _sequential(graph, edit, copy):
    layers = _new_inputs(graph)
    for layer in graph.model.layers:
        layers.append(copy(layer))
        layers += edit.inserted.get(layer.name, [])
    return keras.Sequential(layers, name=graph.model.name)


def _functional(graph, edit, copy):
    outputs = {}

    def call(layer, *args, **kwargs):
        output = layer(*args, **kwargs)
        for following in edit.inserted.get(layer.name, []):
            output = following(output)
        if layer.name in edit.joins:
            output = edit.joins[layer.name](output, outputs)
        outputs[layer.name] = output
        return output

    inputs = _new_inputs(graph)
    outputs.update(zip(graph.input_names, inputs, strict=True))
    inputs = keras.tree.pack_sequence_as(graph.plain.input, inputs)
    built = keras.models.clone_model(
        graph.plain,
        input_tensors=inputs,
        clone_function=copy,
        call_function=call,
    )
    kind = type(graph.model)
    if kind is type(built) or not _is_made_of_graph(kind):
        return built
    return kind(built.input, built.output, name=graph.model.name)


def _new_inputs(graph):
    return [
        keras.Input(
            batch_shape=tensor.shape,
            dtype=tensor.dtype,
            sparse=tensor.sparse,
            name=name,
        )
        for name, tensor in zip(
            graph.input_names, graph.plain.inputs, strict=True
        )
    ]


def _is_made_of_graph(kind):
    """Whether a class of models is made by `kind(inputs, outputs)`."""
    names = inspect.getfullargspec(kind.__init__).args[1:]
    return names == ["inputs", "outputs", "name"]


def _pair(old, new, steps):
    if len(old.variables) != len(new.variables):
        raise ValueError(
            f"The copy of layer {old.name!r} has {len(new.variables)} "
            f"variables and the layer itself {len(old.variables)}: its config "
            "does not say how it was made. Merge what was added to it first, "
            "such as LoRA."
        )
    return [
        (ours, theirs, steps.get(id(ours), []))
        for ours, theirs in zip(old.variables, new.variables, strict=True)
    ]


def _assign(pairs):
    for old, new, steps in pairs:
        value = keras.ops.convert_to_numpy(old)
        if steps:
            value = value.astype("float64")
        for step in steps:
            value = step.of_weight(value)
        new.assign(np.asarray(value))
        if new.trainable != old.trainable:
            new.trainable = old.trainable
