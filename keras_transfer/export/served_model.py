"""A plain model as named tensors in and named tensors out."""

import re

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.data.table_preparation import TablePreparation
from keras_transfer.training import model_graph

#: Names that TensorFlow takes as they are; others it changes silently.
_INPUT_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_OUTPUT_NAME = re.compile("[A-Za-z0-9.][A-Za-z0-9_.-]*")


class ServedModel:
    """What a model takes and answers, by name; inference only.

    Args:
        model: A built Functional or Sequential `keras.Model`.

    Attributes:
        model: The Functional model that is run.
        input_specs: Dict from input name to `tf.TensorSpec`, the batch free.
            An input without a name of its own is called by its key in a dict
            of inputs, else `inputs`, or `inputs_0` and so on.
        output_names: Names of the outputs, those of the output layers.
        may_be_nan: Names of the inputs in which NaN is a missing value: those
            that go to a `TablePreparation` and nowhere else.

    Raises:
        ValueError: If the model is no plain, built model, has a sparse input,
            or its inputs or outputs have names that cannot be served.
    """

    def __init__(self, model):
        if not isinstance(model, keras.Model) or not getattr(
            model, "inputs", None
        ):
            raise invalid_argument(
                "model",
                model,
                "a built Functional or Sequential keras.Model",
                "Of a trainer, export trainer.model.",
            )
        if isinstance(model, keras.Sequential):
            # The same layers, with a name for each input and output.
            model = keras.Model(
                model.inputs[0], model.outputs[0], name=model.name
            )
        self.model = model
        self.output_names = list(model.output_names)
        if len(set(self.output_names)) < len(self.output_names):
            raise ValueError(
                "The outputs of an exported model need different names. "
                f"Received: {self.output_names}; end each in a layer of its "
                "own."
            )
        names = _input_names(model)
        _check_names("input", names, _INPUT_NAME)
        _check_names("output", self.output_names, _OUTPUT_NAME)
        self.input_specs = {
            name: tf.TensorSpec(_free_batch(tensor), tensor.dtype, name=name)
            for name, tensor in zip(names, model.inputs, strict=True)
        }
        self.may_be_nan = frozenset(
            name
            for name, tensor in zip(names, model.inputs, strict=True)
            if _fills_gaps(model, tensor)
        )

    def __call__(self, inputs):
        """Runs the model.

        Args:
            inputs: Dict of tensors by input name.

        Returns:
            Dict of tensors by output name.
        """
        outputs = self.model(self.packed(inputs), training=False)
        return dict(
            zip(self.output_names, keras.tree.flatten(outputs), strict=True)
        )

    def packed(self, inputs):
        """The tensors in the structure that the model takes."""
        flat = [inputs[name] for name in self.input_specs]
        return keras.tree.pack_sequence_as(self.model.input, flat)

    def only_input(self, signature):
        """Name and spec of the one input.

        Raises:
            ValueError: If there are several.
        """
        if len(self.input_specs) != 1:
            raise ValueError(
                f"The signature {signature!r} is for models with one input. "
                f"This one has {list(self.input_specs)}."
            )
        return next(iter(self.input_specs.items()))

    def only_output(self, purpose):
        """Symbolic tensor of the one output.

        Raises:
            ValueError: If there are several.
        """
        if len(self.output_names) != 1:
            raise ValueError(
                f"{purpose} is for models with one output. This one has "
                f"{self.output_names}."
            )
        return self.model.outputs[0]


def _free_batch(tensor):
    if tensor.sparse:
        raise ValueError(
            f"The input {tensor.name!r} is sparse; a server takes dense "
            "tensors only. Build the model with keras.Input(sparse=False)."
        )
    if tensor.shape and tensor.shape[0] is not None:
        raise ValueError(
            f"The input {tensor.name!r} has a fixed batch of "
            f"{tensor.shape[0]}; a server needs a free one. Build the model "
            "with keras.Input(shape) and no batch_size."
        )
    return tensor.shape


def _fills_gaps(model, tensor):
    takers = model_graph.operations_on(model, tensor)
    return bool(takers) and all(
        isinstance(operation, TablePreparation) for operation in takers
    )


def _input_names(model):
    names = [tensor.name for tensor in model.inputs]
    if isinstance(model.input, dict):
        # Keras sorts by key as well; a dict may hold lists, though.
        paths = keras.tree.flatten_with_path(model.input)
        keys = ["_".join(map(str, path)) for path, _ in paths]
    elif len(names) == 1:
        keys = ["inputs"]
    else:
        keys = [f"inputs_{index}" for index in range(len(names))]
    # A counter of this process is no name to serve.
    return [
        key if name.startswith("keras_tensor") else name
        for name, key in zip(names, keys, strict=True)
    ]


def _check_names(kind, names, pattern):
    for name in names:
        if not pattern.fullmatch(name) or name == "self":
            raise ValueError(
                f"The {kind} {name!r} cannot be served under this name. Build "
                f"the model with a name= of ASCII letters, digits and "
                "underscores, a letter first."
            )
