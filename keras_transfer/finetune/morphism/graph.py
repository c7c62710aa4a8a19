"""The graph of a model, read from its public config.

A tensor is named by `(operation, call, output)`: the name of the layer or
operation that makes it, the number of the call, and which of its outputs it
is. Nothing here touches the model.
"""

import typing
import warnings

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name


class Tensor(typing.NamedTuple):
    """A tensor and its shape, as one call takes it."""

    key: tuple
    shape: tuple


class Call(typing.NamedTuple):
    """A call of a layer or an operation.

    Attributes:
        name: Name of the operation.
        index: Number of the call.
        inputs: List of `Tensor`.
        is_plain: Whether everything else that was passed is a number, a
            string, or `None`, and no array.
    """

    name: str
    index: int
    inputs: list
    is_plain: bool

    @property
    def output(self):
        return (self.name, self.index, 0)


class Graph:
    """The operations of a Functional or Sequential model, and their calls.

    Args:
        model: A built model.

    Attributes:
        model: What was given.
        plain: A plain Functional model over the same layers, not compiled.
        operations: Dict from names to layers and operations.
        calls: Dict from names to lists of `Call`; empty lists for inputs.
        input_names: Names of the inputs, in the order of `plain.inputs`.
        outputs: Dict from the keys of the model's outputs to their shapes.
    """

    def __init__(self, model):
        self.model = model
        self.plain = _plain(model)
        self.operations = {op.name: op for op in self.plain.operations}
        with warnings.catch_warnings():
            # Lambdas in a config are a danger in files only.
            warnings.simplefilter("ignore", UserWarning)
            config = self.plain.get_config()
        self.calls = {
            layer["name"]: [
                _call(layer["name"], index, node)
                for index, node in enumerate(layer["inbound_nodes"])
            ]
            for layer in config["layers"]
        }
        self.input_names = [key[0] for key in _keys(config["input_layers"])]
        keys = _keys(config["output_layers"])
        shapes = [tuple(output.shape) for output in self.plain.outputs]
        self.outputs = dict(zip(keys, shapes, strict=True))

    def find(self, name, argument):
        """The layer of a name; an error that lists the names if there is none.

        Args:
            name: Name of a layer.
            argument: Name of the argument in the error message.
        """
        if name not in self.operations:
            raise unknown_name(argument, name, list(self.operations))
        return self.operations[name]

    def find_once(self, name, argument):
        """A layer that is called once, so that its output is one tensor."""
        layer = self.find(name, argument)
        if len(self.calls[name]) > 1:
            raise invalid_argument(
                argument, name, "a layer that the model calls once"
            )
        return layer

    def all_calls(self):
        return [call for calls in self.calls.values() for call in calls]

    def call_of(self, key):
        """The call that makes a tensor; `None` for inputs of the model."""
        name, index, _ = key
        calls = self.calls[name]
        return calls[index] if index < len(calls) else None

    def shape(self, name):
        """Shape of the output of a layer that is called once."""
        for call in self.all_calls():
            for tensor in call.inputs:
                if tensor.key[0] == name:
                    return tensor.shape
        return self.outputs[(name, 0, 0)]

    def ancestors(self, name):
        """Names of all operations that a layer's output depends on."""
        found, waiting = set(), [name]
        while waiting:
            for call in self.calls[waiting.pop()]:
                for tensor in call.inputs:
                    if tensor.key[0] not in found:
                        found.add(tensor.key[0])
                        waiting.append(tensor.key[0])
        return found

    def free_name(self, base):
        """A name that no operation has yet."""
        name, number = base, 2
        while name in self.operations:
            name, number = f"{base}_{number}", number + 1
        return name


def is_graph(model):
    """Whether a model is Functional or Sequential, and built."""
    if isinstance(model, keras.Sequential):
        return model.built
    return isinstance(model, keras.Model) and isinstance(model, keras.Function)


def _plain(model):
    if not is_graph(model):
        raise invalid_argument(
            "model",
            model,
            "a Functional model or a built Sequential one",
            "The layers of a subclassed model are known, but not how they "
            "are connected.",
        )
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def _call(name, index, node):
    inputs, others = [], []
    _visit([node["args"], node["kwargs"]], inputs, others)
    return Call(name, index, inputs, not others)


def _visit(value, inputs, others):
    """Sorts what a call was given into tensors and what is not plain."""
    if isinstance(value, list | tuple):
        for part in value:
            _visit(part, inputs, others)
    elif isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            config = value["config"]
            key = tuple(config["keras_history"])
            inputs.append(Tensor(key, tuple(config["shape"])))
        elif "class_name" in value:
            others.append(value)
        else:
            _visit(list(value.values()), inputs, others)
    elif not isinstance(value, int | float | str | None):
        others.append(value)


def _keys(value):
    """The keys in the nest of the outputs of a config."""
    if isinstance(value, dict):
        # In the order in which Keras flattens dicts.
        return [key for name in sorted(value) for key in _keys(value[name])]
    if len(value) == 3 and isinstance(value[0], str):
        return [tuple(value)]
    return [key for part in value for key in _keys(part)]
