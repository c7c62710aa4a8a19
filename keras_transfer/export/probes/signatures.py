"""What a SavedModel's signatures are, read without loading it."""

import pathlib
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from keras_transfer._public import invalid_argument

#: Signatures of TensorFlow's own, which nobody calls.
INTERNAL = "__saved_model_"


class TensorInfo(NamedTuple):
    """An input or output: its tensor's name, dtype and shape.

    `dtype` is a name such as `"float32"` or `"string"`; `shape` is a tuple with
    `None` for a free size, or `None` if the rank is free; `name` is empty for
    what is no single tensor.
    """

    name: str
    dtype: str
    shape: tuple | None


class Signature(NamedTuple):
    """A signature: `{key: TensorInfo}` twice, and the method's name."""

    inputs: dict
    outputs: dict
    method_name: str


def signatures(folder, tags=("serve",)):
    """Reads the signatures of a SavedModel from its `saved_model.pb`.

    Nothing is loaded or run, so that any folder can be looked at.

    Args:
        folder: Folder of the SavedModel.
        tags: Tags of the graph, all of them.

    Returns:
        Dict from the signature's name to its `Signature`.

    Raises:
        ValueError: If the folder has no SavedModel that can be read, or none
            with these tags.

    Example:

    >>> import tempfile
    >>> import tensorflow as tf
    >>> from keras_transfer.export import probes
    >>> module = tf.Module()
    >>> module.double = tf.function(
    ...     lambda x: {"doubled": 2 * x},
    ...     input_signature=[tf.TensorSpec((None, 3), name="x")],
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tf.saved_model.save(module, folder, signatures=module.double)
    ...     found = probes.signatures(folder)
    >>> list(found)
    ['serving_default']
    >>> found["serving_default"].inputs["x"]
    TensorInfo(name='serving_default_x:0', dtype='float32', shape=(None, 3))
    """
    path = pathlib.Path(folder, "saved_model.pb")
    if not path.is_file():
        raise invalid_argument(
            "folder",
            str(folder),
            "the folder of a SavedModel, with a saved_model.pb in it",
            "An export has numbered versions: give one, as in served/name/1.",
        )
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise invalid_argument(
            "folder", str(folder), "a saved_model.pb that can be read"
        ) from error
    for graph in saved_model.meta_graphs:
        if set(graph.meta_info_def.tags) == set(tags):
            return {
                name: _signature(definition)
                for name, definition in sorted(graph.signature_def.items())
                if not name.startswith(INTERNAL)
            }
    found = [
        sorted(graph.meta_info_def.tags) for graph in saved_model.meta_graphs
    ]
    raise invalid_argument("tags", tags, f"the tags of a graph, one of {found}")


def _signature(definition):
    return Signature(
        {key: _info(info) for key, info in sorted(definition.inputs.items())},
        {key: _info(info) for key, info in sorted(definition.outputs.items())},
        definition.method_name,
    )


def _info(info):
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(
            None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim
        )
    return TensorInfo(info.name, tf.dtypes.as_dtype(info.dtype).name, shape)
