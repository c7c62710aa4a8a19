"""Both formats of `torch.save`, written by hand, and what may be wrong."""

import zipfile

import numpy as np
import pytest

from keras_transfer.finetune.checkpoints import torch_file
from tests.finetune.checkpoints import torch_bytes

WEIGHT = np.arange(6, dtype="float32").reshape(2, 3)
HALF = np.array([1.5, -2.0], "float16")


def _contents():
    floats = torch_bytes.storage("0", "float32", 6)
    halves = torch_bytes.storage("1", "float16", 2)
    return torch_bytes.ordered(
        {
            "weight": torch_bytes.tensor(floats, (2, 3)),
            "turned": torch_bytes.tensor(floats, (3, 2), (1, 3)),
            "half": torch_bytes.tensor(halves, (1,), offset=1, parameter=True),
        }
    )


def _zip(path, order="little", **settings):
    sign = ">" if order == "big" else "<"
    blocks = {
        "0": WEIGHT.astype(f"{sign}f4").tobytes(),
        "1": HALF.astype(f"{sign}f2").tobytes(),
    }
    return torch_bytes.write_zip(path, _contents(), blocks, order, **settings)


def _legacy(path, **settings):
    blocks = {"0": (6, WEIGHT.tobytes()), "1": (2, HALF.tobytes())}
    return torch_bytes.write_legacy(path, _contents(), blocks, **settings)


def _arrays(path):
    contents, storages = torch_file.read(path)
    return {name: storages.array(r) for name, r in contents.items()}


def _check(path):
    arrays = _arrays(path)
    np.testing.assert_array_equal(arrays["weight"], WEIGHT)
    np.testing.assert_array_equal(arrays["turned"], WEIGHT.T)
    np.testing.assert_array_equal(arrays["half"], HALF[1:])
    assert arrays["half"].dtype == "float16"
    # One storage, two tensors.
    assert np.shares_memory(arrays["weight"], arrays["turned"])


@pytest.mark.parametrize("order", ["little", "big", None])
def test_zip(order, tmp_path):
    _check(_zip(tmp_path / "net.pt", order))


def test_legacy(tmp_path):
    _check(_legacy(tmp_path / "net.pt"))


@pytest.mark.parametrize("write", [_zip, _legacy])
def test_every_truncation_is_one_error(write, tmp_path):
    content = write(tmp_path / "net.pt").read_bytes()
    path = tmp_path / "short.pt"
    for length in range(0, len(content), 3):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="'short.pt' cannot be read"):
            _arrays(path)


@pytest.mark.parametrize("write", [_zip, _legacy])
def test_damage_is_this_error_or_none(write, tmp_path, generator):
    content = write(tmp_path / "net.pt").read_bytes()
    path = tmp_path / "damaged.pt"
    failures = 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[generator.integers(0, len(content))] ^= 1 << 3
        path.write_bytes(damaged)
        try:
            _arrays(path)
        except torch_file.FAILURES:
            failures += 1
        except AttributeError:
            # The dict itself has become something else.
            assert not isinstance(torch_file.read(path)[0], dict)
    assert failures > 50


def test_an_archive_of_something_else(tmp_path):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="without `data.pkl`"):
        torch_file.read(path)


def test_a_program(tmp_path):
    path = _zip(tmp_path / "net.pt", extra=("constants.pkl",))
    with pytest.raises(ValueError, match="TorchScript.*state_dict"):
        torch_file.read(path)


def test_compressed_entries_are_refused(tmp_path):
    path = _zip(tmp_path / "net.pt", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="compressed"):
        torch_file.read(path)


def test_a_missing_storage(tmp_path):
    path = torch_bytes.write_zip(tmp_path / "a.pt", _contents(), {})
    with pytest.raises(ValueError, match="storage '0' is missing"):
        _arrays(path)
    path = torch_bytes.write_legacy(tmp_path / "b.pt", _contents(), {})
    with pytest.raises(ValueError, match="storage '0' is missing"):
        _arrays(path)


def test_a_storage_that_nothing_uses(tmp_path):
    path = torch_bytes.write_legacy(
        tmp_path / "net.pt", _contents(), {"7": (0, b"")}
    )
    with pytest.raises(ValueError, match="'7' that nothing uses"):
        torch_file.read(path)


def test_a_negative_count(tmp_path):
    blocks = {"0": (-1, b"")}
    path = torch_bytes.write_legacy(tmp_path / "net.pt", _contents(), blocks)
    with pytest.raises(ValueError, match="ends too early"):
        torch_file.read(path)


def test_a_pickle_of_something_else(tmp_path):
    path = _legacy(tmp_path / "net.pt", magic=5)
    with pytest.raises(ValueError, match="pickle of something else"):
        torch_file.read(path)


def test_another_kind_of_file(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ValueError, match="neither of the two formats"):
        torch_file.read(path)
