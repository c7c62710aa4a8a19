"""The format of safetensors, written by hand, and what may be wrong."""

import json
import struct

import numpy as np
import pytest

from keras_transfer.finetune.checkpoints import safetensors_file

NAMES = {
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
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


def _write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def _entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_all_data_types(tmp_path):
    header, data, expected = {"__metadata__": {"format": "pt"}}, b"", {}
    for name, dtype in NAMES.items():
        array = np.arange(6).reshape(2, 3).astype(dtype)
        content = array.astype(array.dtype.newbyteorder("<")).tobytes()
        place = [len(data), len(data) + len(content)]
        header[f"a.{name}"] = _entry(name, array.shape, place)
        data += content
        expected[f"a.{name}"] = array
    found = safetensors_file.read(_write(tmp_path / "a", header, data))
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_bfloat16_is_widened(tmp_path):
    header = {"a": _entry("BF16", (), (0, 2))}
    found = safetensors_file.read(_write(tmp_path / "a", header, b"\x20\xc0"))
    assert found["a"].tolist() == -2.5 and found["a"].dtype == "float32"


def test_empty_files_and_tensors(tmp_path):
    assert safetensors_file.read(_write(tmp_path / "a", {})) == {}
    header = {"a": _entry("F32", (0, 3), (0, 0))}
    found = safetensors_file.read(_write(tmp_path / "a", header))
    assert found["a"].shape == (0, 3)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"a": _entry(offsets=(0, 7))}, "instead of 8"),
        ({"a": _entry(shape=(3,), offsets=(0, 12))}, "0 to 12 of 8"),
        ({"a": _entry(shape=(2**62, 2**62))}, "instead of"),
        ({"a": _entry("F8_E5M2")}, "F8_E5M2.*known are F16"),
        ({"a": _entry(shape=(-2,))}, "does not describe tensor 'a'"),
        ({"a": _entry(shape=[2.0])}, "does not describe"),
        ({"a": _entry(offsets=(0, 8, 9))}, "does not describe"),
        ({"a": _entry(dtype=4)}, "does not describe"),
        ({"a": {"dtype": "F32"}}, "does not describe"),
        ({"a": 4}, "does not describe"),
        ({"a": _entry(), "b": _entry()}, "overlap or leave gaps"),
        ({"a": _entry(shape=(1,), offsets=(4, 8))}, "overlap or leave gaps"),
        ({"a": _entry(shape=(1,), offsets=(0, 4))}, "belong to no tensor"),
        ([], "not a JSON object"),
        (b'{"a": 1, "a": 2}', "names a tensor twice"),
        (b"{", "be read: "),
        (b"\xff\xfe", "be read: "),
        (b"[" * 100_000, "be read: "),
    ],
    ids=range(18),
)
def test_wrong_headers(header, reason, tmp_path):
    path = _write(tmp_path / "a.safetensors", header, bytes(8))
    with pytest.raises(ValueError, match=f"'a.safetensors' cannot .*{reason}"):
        safetensors_file.read(path)


def test_every_truncation_is_an_error(tmp_path):
    path = _write(tmp_path / "a", {"a": _entry()}, bytes(8))
    content = path.read_bytes()
    assert safetensors_file.read(path)["a"].tolist() == [0, 0]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="'a' cannot be read"):
            safetensors_file.read(path)


def test_a_header_that_claims_to_be_endless(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"\xff" * 8 + b"{}")
    with pytest.raises(ValueError, match="ends within its header"):
        safetensors_file.read(path)
