"""Reads the pickles of PyTorch without running anything that they name.

A pickle is a program: it may name any function and have it called. Here every
name stands for one of a few functions below, all of which only note what they
are given. What else a file names is an error, and is never imported.
"""

import pickle
import pickletools

from keras_transfer.finetune.checkpoints.tensor_record import DTYPES
from keras_transfer.finetune.checkpoints.tensor_record import Sealed
from keras_transfer.finetune.checkpoints.tensor_record import StorageRecord
from keras_transfer.finetune.checkpoints.tensor_record import TensorRecord

_STORAGES = {
    "HalfStorage": "float16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "BFloat16Storage": "bfloat16",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": "uint8",
}

#: What `torch.save` does not use: other ways to make objects, old text. Those
#: that begin with a class are let through, to say which one: none is known.
_REFUSED_OPCODES = (
    "INST",
    "OBJ",
    "EXT1",
    "EXT2",
    "EXT4",
    "PERSID",
    "STRING",
)
#: The last protocol without buffers outside the pickle. It is complete: later
#: ones cannot add to it.
_LAST_PROTOCOL = 4

#: What a broken program may run into.
_FAILURES = (
    pickle.UnpicklingError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    MemoryError,
    RecursionError,
    # Python warns of odd text, which may be made an error.
    Warning,
)


def load(stream, dtypes=None):
    """Reads one pickle that `torch.save` wrote.

    Args:
        stream: Binary file, at the begin of the pickle; it can seek.
        dtypes: Optional dict that gets the data type of each storage, by key.

    Returns:
        What was saved: dicts, lists and plain values, with a `TensorRecord`
        for each tensor. The stream stands behind the pickle.

    Raises:
        pickle.UnpicklingError: If the pickle is damaged or names what a file
            of weights does not need.

    Example:

    >>> import io
    >>> import pickle
    >>> from keras_transfer.finetune.checkpoints import restricted_unpickler
    >>> restricted_unpickler.load(io.BytesIO(pickle.dumps({"epoch": 3})))
    {'epoch': 3}
    """
    start = stream.tell()
    try:
        _check_program(stream)
        stream.seek(start)
        return _Unpickler(stream, {} if dtypes is None else dtypes).load()
    except _FAILURES as error:
        if isinstance(error, pickle.UnpicklingError):
            raise
        raise pickle.UnpicklingError(
            f"its pickle is damaged ({error or type(error).__name__})"
        ) from error


def _check_program(stream):
    """Reads a pickle without running it.

    Python's unpickler makes room for as many objects as a pickle claims to
    number, which would let a file of ten bytes ask for all memory.
    """
    for count, step in enumerate(pickletools.genops(stream), 1):
        opcode, argument, _ = step
        if opcode.name in _REFUSED_OPCODES or opcode.proto > _LAST_PROTOCOL:
            raise pickle.UnpicklingError(
                f"its pickle holds a {opcode.name}, which a file of weights "
                "does not need"
            )
        is_numbered = opcode.name in ("PUT", "BINPUT", "LONG_BINPUT")
        if is_numbered and not 0 <= int(argument) <= count:
            raise pickle.UnpicklingError("its pickle numbers objects it lacks")


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream, dtypes):
        super().__init__(stream, encoding="utf-8")
        self._dtypes = dtypes

    def find_class(self, module, name):
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {f'{module}.{name}'!r}, which a file of weights "
                "does not need; nothing of it was run"
            ) from None

    def persistent_load(self, saved_id):
        if saved_id[0] != "storage":
            raise pickle.UnpicklingError(
                "it holds a whole model, not only its weights"
            )
        _, storage_type, key, _, count, *view = saved_id
        start = 0
        if view and view[0] is not None:
            _, start, count = view[0]
        if not all(type(n) is int and n >= 0 for n in (start, count)):
            raise pickle.UnpicklingError(
                "it describes a storage that cannot be"
            )
        self._dtypes[str(key)] = storage_type.dtype
        return StorageRecord(str(key), storage_type.dtype, count, start)


class _Name(Sealed):
    """A name that stands for a data type."""

    __slots__ = ("dtype",)

    def __init__(self, dtype):
        self.dtype = dtype


class _Function(Sealed):
    """A name that may be called, and notes what it is given."""

    __slots__ = ("_note",)

    def __init__(self, note):
        self._note = note

    def __call__(self, *args):
        return self._note(*args)


class _OrderedDict(dict):
    def __setstate__(self, state):
        """Leaves out what PyTorch hangs on it: versions of modules."""


def _tensor(storage, offset, shape, strides, *_):
    return TensorRecord(storage, offset, shape, strides)


def _tensor_v2(
    storage, offset, shape, strides, requires_grad, hooks, metadata=None
):
    _refuse(metadata)
    return TensorRecord(storage, offset, shape, strides)


def _tensor_v3(
    storage, offset, shape, strides, requires_grad, hooks, dtype, metadata=None
):
    _refuse(metadata)
    return TensorRecord(storage, offset, shape, strides, dtype.dtype)


def _refuse(metadata):
    if metadata:
        raise pickle.UnpicklingError(
            "a tensor is stored negated or conjugated: call "
            "`.resolve_neg().resolve_conj()` on it before it is saved"
        )


def _parameter(tensor, *_):
    return tensor


def _known():
    known = {
        ("collections", "OrderedDict"): _Function(_OrderedDict),
        ("torch", "Size"): _Function(tuple),
        ("torch", "device"): _Function(
            lambda *names: ":".join(map(str, names))
        ),
        ("torch.storage", "UntypedStorage"): _Name("uint8"),
        ("torch._utils", "_rebuild_tensor"): _Function(_tensor),
        ("torch._utils", "_rebuild_tensor_v2"): _Function(_tensor_v2),
        ("torch._utils", "_rebuild_tensor_v3"): _Function(_tensor_v3),
    }
    for name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
        known["torch._utils", name] = _Function(_parameter)
    for module in ("torch", "torch.cuda"):
        for name, dtype in _STORAGES.items():
            known[module, name] = _Name(dtype)
    for dtype in DTYPES:
        known["torch", dtype] = _Name(dtype)
    return known


_KNOWN = _known()
