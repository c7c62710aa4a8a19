"""Writes files as `torch.save` does, opcode by opcode, without PyTorch."""

import math
import struct
import zipfile
from typing import NamedTuple

STORAGES = {
    "float16": "HalfStorage",
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "bfloat16": "BFloat16Storage",
    "int8": "CharStorage",
    "int16": "ShortStorage",
    "int32": "IntStorage",
    "int64": "LongStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


class Global(NamedTuple):
    """A name that the pickle imports."""

    module: str
    name: str


class Call(NamedTuple):
    """The result of calling a name."""

    function: Global
    args: tuple = ()
    items: dict | None = None
    state: object = None


class Saved(NamedTuple):
    """What lies outside the pickle, by its persistent id."""

    saved_id: tuple


ORDERED_DICT = Global("collections", "OrderedDict")


def ordered(items):
    """An `OrderedDict` with the versions that PyTorch hangs on it."""
    return Call(ORDERED_DICT, (), items, {"_metadata": {"": {"version": 1}}})


def storage(key, dtype, count, module="torch", view=()):
    kind = Global(module, STORAGES[dtype])
    return Saved(("storage", kind, key, "cpu", count, *view))


def tensor(block, shape, strides=None, offset=0, parameter=False):
    """A tensor that looks into a storage; row-major unless strides say so."""
    if strides is None:
        strides = tuple(
            math.prod(shape[axis + 1 :]) for axis in range(len(shape))
        )
    hooks = Call(ORDERED_DICT)
    arguments = (block, offset, tuple(shape), strides, parameter, hooks)
    made = Call(Global("torch._utils", "_rebuild_tensor_v2"), arguments)
    if parameter:
        function = Global("torch._utils", "_rebuild_parameter")
        made = Call(function, (made, True, hooks))
    return made


def pickled(value):
    """A pickle of protocol 2."""
    return b"\x80\x02" + _code(value) + b"."


def _code(value):
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        if abs(value) < 2**31:
            return b"J" + struct.pack("<i", value)
        content = value.to_bytes(value.bit_length() // 8 + 1, "little")
        return b"\x8a" + bytes([len(content)]) + content
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, Global):
        return f"c{value.module}\n{value.name}\n".encode()
    if isinstance(value, Saved):
        return _code(value.saved_id) + b"Q"
    if isinstance(value, Call):
        code = _code(value.function) + _code(value.args) + b"R"
        if value.items:
            code += _pairs(value.items)
        return code if value.state is None else code + _code(value.state) + b"b"
    if isinstance(value, dict):
        return b"}" + _pairs(value)
    inner = b"".join(map(_code, value))
    return (
        b"(" + inner + b"t"
        if isinstance(value, tuple)
        else (b"](" + inner + b"e")
    )


def _pairs(items):
    inner = b"".join(_code(k) + _code(v) for k, v in items.items())
    return b"(" + inner + b"u"


def write_zip(path, value, blocks, byte_order="little", extra=(), **settings):
    """The format since PyTorch 1.6.

    Args:
        path: Where to.
        value: What to save.
        blocks: Dict from keys of storages to their bytes.
        byte_order: What the file says of it, or `None` for nothing.
        extra: Names of further, empty entries.
        **settings: Passed to `zipfile.ZipFile`.
    """
    with zipfile.ZipFile(path, "w", **settings) as archive:
        archive.writestr("net/data.pkl", pickled(value))
        if byte_order:
            archive.writestr("net/byteorder", byte_order)
        for key, content in blocks.items():
            archive.writestr(f"net/data/{key}", content)
        for name in ("version", *extra):
            archive.writestr(f"net/{name}", "")
    return path


def write_legacy(path, value, blocks, magic=0x1950A86A20F9469CFC6C):
    """The format before, in one stream.

    Args:
        path: Where to.
        value: What to save.
        blocks: Dict from keys of storages to `(elements, bytes)`.
        magic: The number that marks the format.
    """
    sizes = {"short": 2, "int": 4, "long": 4}
    machine = {"protocol_version": 1001, "type_sizes": sizes}
    parts = [pickled(x) for x in (magic, 1001, machine, value, list(blocks))]
    for count, content in blocks.values():
        parts += [struct.pack("<q", count), content]
    path.write_bytes(b"".join(parts))
    return path
