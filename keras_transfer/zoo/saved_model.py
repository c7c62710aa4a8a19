"""What a SavedModel on disk offers to a layer.

The reusable SavedModel interface is an object `obj(inputs, training=False,
**arguments)` with the optional attributes `variables`, `trainable_variables`
and `regularization_losses`. See https://www.tensorflow.org/hub/reusable_saved_models.
"""

import dataclasses
import importlib
import inspect
import os
import re
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from keras_transfer._public import unknown_name

#: Packages that bring operations, by a sign of theirs in an operation's name.
_PACKAGES_OF_OPS = {
    "tensorflow_text": re.compile(
        "Sentencepiece|Wordpiece|CaseFold|NormalizeUTF8|WhitespaceTokenize|"
        "UnicodeScript|RegexSplit|BertTokenizer|FastWordpiece|RoundRobin|"
        "SplitMerge|Ngrams|ConstrainedSequence|MaxSpanningTree"
    ),
    "tensorflow_decision_forests": re.compile("SimpleML"),
    "tensorflow_io": re.compile("^IO>"),
    "tensorflow_addons": re.compile("^Addons>"),
}


class NamedVariable(NamedTuple):
    """A variable of the SavedModel; its name is without `:0`."""

    name: str
    value: tf.Variable
    trainable: bool


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedModel:
    """A SavedModel that can be called.

    Attributes:
        root: The loaded object; it keeps tables and variables alive.
        function: Takes inputs and keyword arguments.
        variables: List of `NamedVariable`, in the order of the SavedModel.
        regularization_losses: Functions without arguments to scalars.
        takes_training: Whether `function` has an argument `training`.
        concrete_functions: The traces that were saved.
    """

    root: Any
    function: Callable
    variables: list[NamedVariable]
    regularization_losses: list[Callable]
    takes_training: bool
    concrete_functions: list

    def image_size(self):
        """`(height, width)`, each maybe `None`, if it takes RGB images.

        Returns:
            `None` if its one input is no float batch of three channels.
        """
        spec = self.input_specs()
        if not isinstance(spec, tf.TensorSpec) or not spec.dtype.is_floating:
            return None
        if spec.shape.rank != 4 or spec.shape[-1] != 3:
            return None
        return spec.shape[1], spec.shape[2]

    def needs_host(self):
        """Whether strings or tables are in its graph, which XLA lacks."""
        return any(_needs_host(f.graph) for f in self.concrete_functions[:1])

    def input_specs(self):
        """What the first trace takes as its inputs, as a structure."""
        if not self.concrete_functions:
            return None
        function = self.concrete_functions[0]
        positional, keywords = function.structured_input_signature
        return positional[0] if positional else keywords

    def cast(self, inputs):
        """Casts floats to its floats, integers to its integers, else nothing.

        Args:
            inputs: Structure of tensors.

        Returns:
            The same structure.
        """
        given = tf.nest.flatten(inputs)
        wanted = tf.nest.flatten(self.input_specs())
        if len(given) != len(wanted):
            return inputs
        return tf.nest.pack_sequence_as(
            inputs, [_cast(x, s) for x, s in zip(given, wanted, strict=True)]
        )


def load(folder, signature=None, needed_ops=()):
    """Loads a SavedModel and finds what can be called in it.

    Args:
        folder: Path of a folder that holds `saved_model.pb`.
        signature: Name of a signature, for a SavedModel that has no reusable
            interface; such a one cannot be trained.
        needed_ops: Packages to import first, for the operations they bring.

    Returns:
        A `LoadedModel`.

    Raises:
        ValueError: If the folder holds no TensorFlow 2 SavedModel, or one
            that cannot be called so.
        ImportError: If a package with operations is missing.
    """
    folder = str(folder)
    _check_format(folder)
    for package in needed_ops:
        _import(package, folder)
    root = _load(folder)
    if signature is not None:
        return _with_signature(root, folder, signature)
    if not callable(root):
        raise ValueError(_not_reusable(root, folder))
    functions = list(getattr(root.__call__, "concrete_functions", ()))
    return LoadedModel(
        root=root,
        function=root,
        variables=_variables(root, functions),
        regularization_losses=list(
            getattr(root, "regularization_losses", None) or ()
        ),
        takes_training="training"
        in inspect.signature(root.__call__).parameters,
        concrete_functions=functions,
    )


def _check_format(folder):
    join, exists = os.path.join, tf.io.gfile.exists
    if exists(join(folder, "tfhub_module.pb")):
        raise ValueError(
            f"{folder!r} is in the TF1 Hub format, which has no trainable "
            "interface for TensorFlow 2. Take a newer version of the handle "
            "(TF2 SavedModels usually end in a higher number), or convert it "
            "once in TensorFlow 1."
        )
    if not exists(join(folder, "saved_model.pb")) and not exists(
        join(folder, "saved_model.pbtxt")
    ):
        found = sorted(tf.io.gfile.listdir(folder)) if exists(folder) else []
        raise ValueError(
            f"{folder!r} is no SavedModel: it holds no saved_model.pb. "
            f"It holds: {', '.join(found[:5]) or 'nothing'}."
        )


def _load(folder):
    try:
        return tf.saved_model.load(folder)
    except (tf.errors.OpError, KeyError, RuntimeError) as error:
        # Which of them TensorFlow raises depends on where the node stands.
        missing = re.search(r"Op type not registered '([^']+)'", str(error))
        if missing is None:
            raise
        raise _missing_op(missing[1], folder) from error


def _missing_op(name, folder):
    package = next(
        (p for p, sign in _PACKAGES_OF_OPS.items() if sign.search(name)), None
    )
    how = (
        f"It comes with the package {package}: install it in the version of "
        f"TensorFlow {tf.__version__} and write `import {package}` first."
        if package
        else "Import the package that brings it first."
    )
    return ImportError(
        f"The SavedModel in {folder!r} needs the operation {name!r}, which "
        f"this TensorFlow does not have. {how}"
    )


def _import(package, folder):
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f"The SavedModel in {folder!r} needs operations of the package "
            f"{package}: pip install {package.replace('_', '-')}, in the "
            f"version of TensorFlow {tf.__version__}. ({error})"
        ) from error


def _not_reusable(root, folder):
    names = sorted(getattr(root, "signatures", {}))
    if not names:
        return (
            f"The SavedModel in {folder!r} can neither be called nor has it "
            "signatures. Expected one in the reusable SavedModel interface."
        )
    return (
        f"The SavedModel in {folder!r} cannot be called: it was exported for "
        "serving and is not trainable. To use it as it is, pass signature= "
        f"with one of {names}."
    )


def _with_signature(root, folder, name):
    signatures = getattr(root, "signatures", {})
    if name not in signatures:
        raise unknown_name("signature", name, signatures)
    signature = signatures[name]
    _, keywords = signature.structured_input_signature

    def function(inputs):
        if isinstance(inputs, dict):
            return signature(**inputs)
        if len(keywords) != 1:
            raise ValueError(
                f"The signature {name!r} of the SavedModel in {folder!r} "
                f"takes a dict with the keys {sorted(keywords)}."
            )
        return signature(**{next(iter(keywords)): inputs})

    variables = _variables(root, [signature])
    return LoadedModel(
        root=root,
        function=function,
        variables=[v._replace(trainable=False) for v in variables],
        regularization_losses=[],
        takes_training=False,
        concrete_functions=[signature],
    )


def _variables(root, functions):
    """Variables in a fixed order, with whether the model would train them.

    A `tf.Module` saves no list of its variables. What its functions read is
    the same then, and each variable knows itself whether it is trainable.
    """
    found = getattr(root, "variables", None)
    if found is None:
        found = [v for function in functions for v in function.variables]
    trainable = getattr(root, "trainable_variables", None)
    if trainable is None:
        trainable = [v for v in found if v.trainable and v.dtype.is_floating]
    trainable = {id(variable) for variable in trainable}
    unique = {id(variable): variable for variable in found}
    taken = set()
    # Written by `zoo.save`, since Keras calls every kernel "kernel".
    paths = getattr(root, "variables_by_path", {})
    names = {id(variable): path for path, variable in paths.items()}
    return [
        NamedVariable(
            _free(names.get(key, variable.name.split(":")[0]), taken),
            variable,
            key in trainable,
        )
        for key, variable in unique.items()
    ]


def _free(name, taken):
    """The name, or one with a number behind it that is not taken yet."""
    number, free = 0, name
    while free in taken:
        number, free = number + 1, f"{name}_{number + 1}"
    taken.add(free)
    return free


def _needs_host(graph):
    graph_def = graph.as_graph_def()
    nodes = list(graph_def.node)
    for function in graph_def.library.function:
        nodes += function.node_def
    string = tf.string.as_datatype_enum
    return any(
        node.op.startswith("LookupTable")
        or attribute.type == string
        or string in attribute.list.type
        for node in nodes
        for attribute in node.attr.values()
    )


def _cast(x, spec):
    if not isinstance(spec, tf.TensorSpec):
        return x
    x = tf.convert_to_tensor(x)
    same_kind = (x.dtype.is_floating and spec.dtype.is_floating) or (
        x.dtype.is_integer and spec.dtype.is_integer
    )
    return tf.cast(x, spec.dtype) if same_kind else x
