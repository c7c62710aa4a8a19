"""Reads what `torch.save` wrote, without PyTorch.

Two formats. Since PyTorch 1.6 a zip archive, nothing in it compressed:

    <name>/data.pkl    the pickle, in which storages have numbers
    <name>/data/0      the bytes of storage 0, and so on
    <name>/byteorder   "little" or "big", in newer files

and before, or on request, one stream: three pickles (a number that marks the
format, its version, facts about the machine), the pickle itself, a pickled
list of storage names, and for each its number of elements (8 bytes) and bytes.
"""

import io
import pathlib
import pickle
import zipfile
import zlib

import numpy as np

from keras_transfer.finetune.checkpoints import restricted_unpickler
from keras_transfer.finetune.checkpoints.tensor_record import DTYPES
from keras_transfer.finetune.checkpoints.tensor_record import Storages
from keras_transfer.finetune.checkpoints.unreadable import unreadable

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
#: What a damaged file may raise, also while its storages are read.
FAILURES = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
_RESAVE = (
    "Save the weights alone in PyTorch: `torch.save(model.state_dict(), path)`."
)


def read(path):
    """Reads a file of PyTorch; nothing in it is run.

    Args:
        path: The file.

    Returns:
        `(contents, storages)`: what was saved, with a `TensorRecord` for each
        tensor, and the `Storages` that make arrays of them.

    Raises:
        ValueError: If the file is damaged, of another kind, or holds more
            than tensors and plain values.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        if content.startswith(b"PK"):
            return _read_zip(content)
        if content.startswith(b"\x80"):
            return _read_stream(io.BytesIO(content))
    except pickle.UnpicklingError as error:
        raise unreadable(path, error, _RESAVE) from error
    except FAILURES as error:
        raise unreadable(path, f"it is damaged ({error})") from error
    raise unreadable(
        path, "it is neither of the two formats of `torch.save`", _RESAVE
    )


def _read_zip(content):
    archive = zipfile.ZipFile(io.BytesIO(content))
    names = archive.namelist()
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise pickle.UnpicklingError("it is a zip archive without `data.pkl`")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in names:
        raise pickle.UnpicklingError("it is a TorchScript program")

    def read_entry(name):
        entry = archive.getinfo(f"{folder}{name}")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(
                f"{name!r} is compressed, which PyTorch never does"
            )
        return archive.read(entry)

    def read_storage(key):
        if f"{folder}data/{key}" not in names:
            raise ValueError(f"storage {key!r} is missing")
        return read_entry(f"data/{key}")

    order = b"little"
    if f"{folder}byteorder" in names:
        order = read_entry("byteorder")
    contents = restricted_unpickler.load(io.BytesIO(read_entry("data.pkl")))
    return contents, Storages(read_storage, ">" if order == b"big" else "<")


def _read_stream(stream):
    if restricted_unpickler.load(stream) != _MAGIC_NUMBER:
        raise pickle.UnpicklingError("it is a pickle of something else")
    version = restricted_unpickler.load(stream)
    if version != _PROTOCOL_VERSION:
        raise pickle.UnpicklingError(f"its format has the version {version!r}")
    restricted_unpickler.load(stream)
    dtypes = {}
    contents = restricted_unpickler.load(stream, dtypes)
    keys = restricted_unpickler.load(stream)
    blocks = {}
    for key in keys:
        if str(key) not in dtypes:
            raise ValueError(f"it names a storage {key!r} that nothing uses")
        count = np.frombuffer(_exactly(stream, 8), "<i8")[0]
        size = np.dtype(DTYPES[dtypes[str(key)]]).itemsize
        blocks[str(key)] = _exactly(stream, int(count) * size)

    def read_storage(key):
        if key not in blocks:
            raise ValueError(f"storage {key!r} is missing")
        return blocks[key]

    # Whatever the machine, PyTorch writes this format in little endian.
    return contents, Storages(read_storage)


def _exactly(stream, count):
    content = stream.read(count) if count >= 0 else b""
    if len(content) != count:
        raise EOFError("it ends too early")
    return content
