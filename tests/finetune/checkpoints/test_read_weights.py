"""Files of weights by their suffix."""

import json
import struct

import numpy as np
import pytest

from keras_transfer.finetune.checkpoints.read_weights import read_weights
from tests.finetune.checkpoints import torch_bytes

WEIGHT = np.array([[0.5, -1.0]], "float32")


def _contents(count=2):
    block = torch_bytes.storage("0", "float32", count)
    state = {"module.fc.weight": torch_bytes.tensor(block, (1, count))}
    return {"epoch": 2, "ema": {}, "state_dict": torch_bytes.ordered(state)}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt"])
def test_files_of_pytorch(suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    torch_bytes.write_zip(path, _contents(), {"0": WEIGHT.tobytes()})
    weights = read_weights(str(path))
    assert list(weights) == ["fc.weight"]
    np.testing.assert_array_equal(weights["fc.weight"], WEIGHT)


def test_the_legacy_format_in_bfloat16(tmp_path):
    block = torch_bytes.storage("0", "bfloat16", 2)
    bits = (WEIGHT.view("uint32") >> 16).astype("<u2").tobytes()
    path = torch_bytes.write_legacy(
        tmp_path / "net.pt",
        {"fc.weight": torch_bytes.tensor(block, (1, 2))},
        {"0": (2, bits)},
    )
    (array,) = read_weights(path).values()
    assert array.dtype == "float32"
    np.testing.assert_array_equal(array, WEIGHT)


def test_safetensors(tmp_path):
    entry = {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}
    header = json.dumps({"fc.weight": entry}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + WEIGHT.tobytes())
    np.testing.assert_array_equal(read_weights(path)["fc.weight"], WEIGHT)


def test_a_key(tmp_path):
    path = tmp_path / "net.pt"
    torch_bytes.write_zip(path, _contents(), {"0": WEIGHT.tobytes()})
    assert list(read_weights(path, key="state_dict")) == ["fc.weight"]
    with pytest.raises(ValueError, match="`key`"):
        read_weights(path, key="optimizer")


def test_tensors_beyond_their_storage(tmp_path):
    path = tmp_path / "net.pt"
    torch_bytes.write_zip(path, _contents(3), {"0": WEIGHT.tobytes()})
    with pytest.raises(ValueError, match="'net.pt'.*8 bytes instead of 12"):
        read_weights(path)


def test_a_storage_whose_checksum_is_wrong(tmp_path):
    path = tmp_path / "net.pt"
    torch_bytes.write_zip(path, _contents(), {"0": WEIGHT.tobytes()})
    content = path.read_bytes()
    place = content.index(WEIGHT.tobytes())
    path.write_bytes(content[:place] + b"\x01" + content[place + 1 :])
    with pytest.raises(ValueError, match="'net.pt' cannot be read.*CRC"):
        read_weights(path)


def test_what_is_no_such_file(tmp_path):
    with pytest.raises(ValueError, match="ends in .pt"):
        read_weights(tmp_path / "net.h5")
    with pytest.raises(ValueError, match="a file that exists"):
        read_weights(tmp_path / "net.pt")
