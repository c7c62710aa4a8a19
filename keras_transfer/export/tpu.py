"""A second graph for TPUs, and what XLA makes of the signatures."""

import pathlib

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_transfer._public import invalid_argument
from keras_transfer.export.check import Check

TAGS = ("serve", "tpu")


def add(folder, signatures, batch_sizes):
    """Adds the graph that a TPU build of the server loads.

    Only its structure can be checked without a TPU: it is the graph of the
    CPU under the tags `serve` and `tpu`. Whether XLA compiles a signature is
    tried on the CPU, for each batch size, as shapes are fixed on a TPU.

    Args:
        folder: The version, with a SavedModel in it.
        signatures: Dict from name to `Signature`.
        batch_sizes: Positive integers; nothing is done for none.

    Returns:
        List of `Check`, one for each signature; empty for no batch sizes.

    Raises:
        ValueError: If a batch size is no positive integer.
    """
    is_list = isinstance(batch_sizes, (list, tuple))
    if not is_list or not all(_is_size(size) for size in batch_sizes):
        raise invalid_argument(
            "tpu_batch_sizes", batch_sizes, "a list of positive integers"
        )
    if not batch_sizes:
        return []
    _add_graph(folder)
    return [_check(s, batch_sizes) for s in signatures.values()]


def _is_size(value):
    return isinstance(value, int) and value > 0


def _add_graph(folder):
    path = pathlib.Path(folder, "saved_model.pb")
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    copy = saved.meta_graphs.add()
    copy.CopyFrom(saved.meta_graphs[0])
    del copy.meta_info_def.tags[:]
    copy.meta_info_def.tags.extend(TAGS)
    path.write_bytes(saved.SerializeToString())


def _check(signature, batch_sizes):
    title = f"{signature.name}, XLA"
    specs = signature.core_specs
    strings = [name for name, s in specs.items() if s.dtype == tf.string]
    if strings:
        text = f"cannot run on a TPU: {', '.join(strings)} are strings"
        return Check(title, "warn", text)
    core = signature.core.python_function
    compiled = tf.function(lambda **x: core(x), jit_compile=True)
    for size in batch_sizes:
        shapes = {
            name: tf.TensorSpec([size, *spec.shape[1:]], spec.dtype, name)
            for name, spec in specs.items()
        }
        try:
            compiled.experimental_get_compiler_ir(**shapes)(stage="hlo")
        except (tf.errors.OpError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            return Check(title, "warn", f"does not compile: {reason}")
    text = f"compiles for batches of {', '.join(map(str, batch_sizes))}"
    if signature.specs is not specs:
        text += "; decoding runs on the host"
    return Check(title, "pass", text)
