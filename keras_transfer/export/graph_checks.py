"""What the graph of an export says of itself, without running it."""

import pathlib

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from keras_transfer._public import invalid_argument
from keras_transfer.export.check import Check

#: Operations that a server refuses to run, with the reason.
_XLA = {"XlaCallModule", "XlaLaunch", "XlaLaunchV2", "_XlaRun"}


def read(folder, tags=("serve",)):
    """The meta graph of a SavedModel with exactly these tags.

    Raises:
        ValueError: If there is none, or the file cannot be read.
    """
    saved = saved_model_pb2.SavedModel()
    try:
        contents = pathlib.Path(folder, "saved_model.pb").read_bytes()
        saved.ParseFromString(contents)
    except DecodeError as error:
        raise invalid_argument(
            "folder", str(folder), "a saved_model.pb that can be read"
        ) from error
    graphs = [sorted(g.meta_info_def.tags) for g in saved.meta_graphs]
    for graph in saved.meta_graphs:
        if set(graph.meta_info_def.tags) == set(tags):
            return graph
    raise ValueError(
        f"The SavedModel in {str(folder)!r} has no graph with the tags "
        f"{list(tags)}, which a server asks for. It has: {graphs}."
    )


def check(graph):
    """Looks for what servers choke on.

    Args:
        graph: A `MetaGraphDef`, as from `read`.

    Returns:
        List of `Check`.
    """
    functions = {f.signature.name: f for f in graph.graph_def.library.function}
    nodes, called = _reachable(graph.graph_def.node, functions)
    return [
        _xla(nodes, [functions[name] for name in called]),
        _known_operations(nodes, functions),
        _free_batch(graph),
        _output_names(graph),
    ]


def _reachable(nodes, functions):
    """Nodes of the graph and of the functions that it calls, and their names.

    An object may hold functions beside that no signature calls: those hurt
    nobody.
    """
    found, called, waiting = [], set(), list(nodes)
    while waiting:
        node = waiting.pop()
        found.append(node)
        for name in _called(node) & set(functions) - called:
            called.add(name)
            waiting += functions[name].node_def
    return found, sorted(called)


def _called(node):
    names = {node.op}
    for value in node.attr.values():
        names.add(value.func.name)
        names.update(function.name for function in value.list.func)
    return names


def _xla(nodes, functions):
    found = {node.op for node in nodes} & _XLA
    compiled = {
        thing.signature.name
        for thing in functions
        if thing.attr["_XlaMustCompile"].b
    } | {node.name for node in nodes if node.attr["_XlaMustCompile"].b}
    if found or compiled:
        text = (
            f"{', '.join(sorted(found or compiled)[:3])} need XLA, which is "
            "off in a server: every request would fail. Export without "
            "jit_compile and without jax2tf's native serialization"
        )
        return Check("no XLA", "fail", text)
    return Check("no XLA", "pass")


def _known_operations(nodes, functions):
    operations = {node.op for node in nodes} - set(functions)
    unknown = sorted(name for name in operations if not _is_core(name))
    if unknown:
        text = (
            f"{', '.join(unknown[:5])}: a server without these operations "
            "cannot load it (those of tensorflow_text are in TF Serving)"
        )
        return Check("operations", "warn", text)
    return Check("operations", "pass")


def _is_core(name):
    # Custom operations are registered by the package that brings them; its
    # names are in no public module of TensorFlow.
    raw = getattr(tf.raw_ops, name, None)
    return raw is not None or name.startswith("_")


def _free_batch(graph):
    fixed = [
        f"{signature}: {key}"
        for signature, definition in graph.signature_def.items()
        for key, info in definition.inputs.items()
        if info.tensor_shape.dim and info.tensor_shape.dim[0].size > 0
    ]
    if fixed:
        text = f"fixed in {', '.join(sorted(fixed))}: no other size is taken"
        return Check("free batch", "warn", text)
    return Check("free batch", "pass")


def _output_names(graph):
    wrong = [
        f"{signature}: {key}"
        for signature, definition in graph.signature_def.items()
        for key, info in definition.outputs.items()
        if key.endswith("_bytes") and info.dtype == types_pb2.DT_STRING
    ]
    if wrong:
        text = (
            f"{', '.join(sorted(wrong))}: REST answers strings of such a name "
            "in base64. Rename what is text"
        )
        return Check("output names", "warn", text)
    return Check("output names", "pass")
