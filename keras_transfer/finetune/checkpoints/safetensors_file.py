"""Reads `.safetensors`: a header in JSON, and the bytes of the tensors.

8 bytes        length of the header, little endian
header         {"name": {"dtype": "F32", "shape": [2, 3],
                         "data_offsets": [0, 24]}, ...}
the rest       the bytes, each tensor in row-major order
"""

import json
import math
import pathlib

import numpy as np

from keras_transfer.finetune.checkpoints.tensor_record import DTYPES
from keras_transfer.finetune.checkpoints.tensor_record import numbers_of
from keras_transfer.finetune.checkpoints.unreadable import unreadable

_NAMES = {
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "BF16": "bfloat16",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "BOOL": "bool",
}
#: The bound of the format's own reader.
_LONGEST_HEADER = 100_000_000


def read(path):
    """Reads all tensors of a `.safetensors` file.

    Args:
        path: The file.

    Returns:
        Dict from name to array; bfloat16 becomes float32.

    Raises:
        ValueError: If the file is damaged, or holds a data type that NumPy
            and this reader lack.
    """
    content = memoryview(pathlib.Path(path).read_bytes())
    try:
        header, data = _split(content)
        tensors = {
            name: _tensor(name, entry, data)
            for name, entry in header.items()
            if name != "__metadata__"
        }
        _check_that_nothing_is_between(header, data)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    return tensors


def _split(content):
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, _LONGEST_HEADER):
        raise ValueError("it is no safetensors file, or ends within its header")
    header = json.loads(
        str(content[8 : 8 + length], "utf-8"), object_pairs_hook=_without_twins
    )
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header, content[8 + length :]


def _without_twins(pairs):
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("its header names a tensor twice")
    return entries


def _tensor(name, entry, data):
    shape, (begin, end) = _place(name, entry)
    if entry["dtype"] not in _NAMES:
        raise ValueError(
            f"tensor {name!r} has the data type {entry['dtype']!r}; known are "
            f"{', '.join(_NAMES)}"
        )
    dtype = _NAMES[entry["dtype"]]
    size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    if end - begin != size or end > len(data):
        raise ValueError(
            f"tensor {name!r} of shape {tuple(shape)} has bytes {begin} to "
            f"{end} of {len(data)}, instead of {size}"
        )
    return numbers_of(data[begin:end], dtype).reshape(shape)


def _place(name, entry):
    is_entry = isinstance(entry, dict) and {
        "dtype",
        "shape",
        "data_offsets",
    } <= set(entry)
    if is_entry:
        shape, offsets = entry["shape"], entry["data_offsets"]
        is_sound = (
            isinstance(entry["dtype"], str)
            and _are_counts(shape)
            and _are_counts(offsets)
            and len(offsets) == 2
        )
        if is_sound:
            return shape, offsets
    raise ValueError(f"its header does not describe tensor {name!r}")


def _are_counts(numbers):
    return isinstance(numbers, list) and all(
        type(number) is int and number >= 0 for number in numbers
    )


def _check_that_nothing_is_between(header, data):
    """As the format demands, so that a file hides nothing."""
    places = sorted(
        entry["data_offsets"]
        for name, entry in header.items()
        if name != "__metadata__"
    )
    position = 0
    for begin, end in places:
        if begin != position:
            raise ValueError("its tensors overlap or leave gaps")
        position = end
    if position != len(data):
        raise ValueError("it holds bytes that belong to no tensor")
