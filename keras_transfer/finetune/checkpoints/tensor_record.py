"""What a PyTorch file says of a tensor, and the array that it means."""

import dataclasses
import math
import pickle

import numpy as np

#: What NumPy calls the data types of PyTorch. It has no bfloat16: those are
#: read as integers and widened.
DTYPES = {
    "float16": "f2",
    "float32": "f4",
    "float64": "f8",
    "bfloat16": "u2",
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "bool": "?",
}


class Sealed:
    """An object of a file that the rest of the file cannot change."""

    __slots__ = ()

    def __setstate__(self, state):
        raise pickle.UnpicklingError("it changes an object after it was made")


@dataclasses.dataclass(frozen=True, eq=False)
class StorageRecord(Sealed):
    """A block of numbers that tensors look into.

    Args:
        key: Name of the block in the file.
        dtype: A name of `DTYPES`.
        count: Number of elements.
        start: Elements to skip of the block, for views in old files.
    """

    key: str
    dtype: str
    count: int
    start: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class TensorRecord(Sealed):
    """A tensor: where it lies in a storage, and how.

    Args:
        storage: A `StorageRecord`.
        offset: Index of the first element.
        shape: Tuple of integers.
        strides: Elements from one index to the next, for each axis.
        dtype: A name of `DTYPES`, or `None` for the storage's.
    """

    storage: StorageRecord
    offset: int
    shape: tuple
    strides: tuple
    dtype: str | None = None


class Storages:
    """Turns records into arrays; blocks are read once and shared.

    Args:
        read: Function from the key of a block to its bytes.
        byte_order: `"<"` or `">"`.
    """

    def __init__(self, read, byte_order="<"):
        self._read = read
        self._byte_order = byte_order
        self._blocks = {}

    def array(self, record):
        """The array of a record, read-only; bfloat16 becomes float32.

        Args:
            record: A `TensorRecord`.

        Returns:
            A view into the block, an `np.ndarray`.

        Raises:
            ValueError: If the tensor reaches beyond its block.
        """
        _check(record)
        storage = record.storage
        block = self._block(storage, record.dtype or storage.dtype)
        if 0 in record.shape:
            return np.zeros(record.shape, block.dtype)
        first = storage.start + record.offset
        last = first + sum(
            (size - 1) * stride
            for size, stride in zip(record.shape, record.strides, strict=True)
        )
        if last >= len(block):
            raise ValueError(
                f"a tensor of shape {record.shape} ends at element {last} of "
                f"a storage of {len(block)}"
            )
        strides = [stride * block.itemsize for stride in record.strides]
        return np.lib.stride_tricks.as_strided(
            block[first:], record.shape, strides, writeable=False
        )

    def _block(self, storage, dtype):
        if (storage.key, dtype) not in self._blocks:
            content = self._read(storage.key)
            size = np.dtype(DTYPES[dtype]).itemsize
            # A v3 tensor has its type from itself: its storage counts bytes.
            expected = storage.count * np.dtype(DTYPES[storage.dtype]).itemsize
            if len(content) < expected or len(content) % size:
                raise ValueError(
                    f"storage {storage.key!r} has {len(content)} bytes "
                    f"instead of {expected}"
                )
            self._blocks[storage.key, dtype] = numbers_of(
                content, dtype, self._byte_order
            )
        return self._blocks[storage.key, dtype]


def numbers_of(content, dtype, byte_order="<"):
    """The numbers that bytes stand for.

    Args:
        content: Bytes, of whole numbers.
        dtype: A name of `DTYPES`.
        byte_order: `"<"` or `">"`.

    Returns:
        A flat array in the machine's own order; float32 for bfloat16.

    Example:

    >>> from keras_transfer.finetune.checkpoints import tensor_record
    >>> tensor_record.numbers_of(bytes([0x80, 0x3F]), "bfloat16").tolist()
    [1.0]
    """
    stored = np.dtype(DTYPES[dtype]).newbyteorder(byte_order)
    numbers = np.frombuffer(content, stored)
    if dtype == "bfloat16":
        # The upper half of a float32.
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers.astype(stored.newbyteorder("="), copy=False)


def _check(record):
    storage = record.storage
    numbers = (
        *(record.shape if isinstance(record.shape, tuple) else (None,)),
        *(record.strides if isinstance(record.strides, tuple) else (None,)),
        record.offset,
    )
    is_sound = (
        isinstance(storage, StorageRecord)
        and all(type(n) is int and n >= 0 for n in numbers)
        and len(record.shape) == len(record.strides)
        and math.prod(record.shape) < 2**48
        and (record.dtype is None or record.dtype in DTYPES)
    )
    if not is_sound:
        raise ValueError("it describes a tensor that cannot be")
