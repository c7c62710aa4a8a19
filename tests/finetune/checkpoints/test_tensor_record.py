"""Arrays from blocks of bytes, compared with what NumPy makes of them."""

import pickle

import numpy as np
import pytest

from keras_transfer.finetune.checkpoints import tensor_record
from keras_transfer.finetune.checkpoints.tensor_record import StorageRecord
from keras_transfer.finetune.checkpoints.tensor_record import Storages
from keras_transfer.finetune.checkpoints.tensor_record import TensorRecord

NUMBERS = np.arange(24, dtype="float32")
BLOCK = StorageRecord("0", "float32", 24)


def _array(record, content=None, order="<"):
    blocks = Storages(lambda key: content or NUMBERS.tobytes(), order)
    return blocks.array(record)


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "expected"),
    [
        (0, (4, 6), (6, 1), NUMBERS.reshape(4, 6)),
        (0, (6, 4), (1, 6), NUMBERS.reshape(4, 6).T),
        (6, (2, 3), (12, 2), NUMBERS.reshape(4, 6)[1::2, ::2]),
        (23, (), (), NUMBERS[23]),
        (5, (3, 2), (0, 1), np.tile(NUMBERS[5:7], (3, 1))),
        (24, (0, 3), (3, 1), np.zeros((0, 3))),
    ],
    ids=["rows", "transposed", "steps", "scalar", "expanded", "empty"],
)
def test_strides_and_offsets(offset, shape, strides, expected):
    found = _array(TensorRecord(BLOCK, offset, shape, strides))
    np.testing.assert_array_equal(found, expected)
    assert found.shape == shape and found.dtype == "float32"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", sorted(tensor_record.DTYPES))
def test_data_types(dtype, order):
    if dtype == "bfloat16":
        expected = np.array([1.0, -2.5, 3.0e38], "float32")
        bits = expected.view("uint32") >> 16
        content = bits.astype(f"{order}u2").tobytes()
        expected = (bits << 16).view("float32")
    else:
        expected = np.array([0, 1, 1], dtype)
        content = expected.astype(expected.dtype.newbyteorder(order)).tobytes()
    found = tensor_record.numbers_of(content, dtype, order)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype and found.dtype.isnative


def test_a_tensor_with_a_type_of_its_own_reads_bytes():
    record = TensorRecord(
        StorageRecord("0", "uint8", 8), 1, (1,), (1,), "uint32"
    )
    found = _array(record, np.array([7, 9], "<u4").tobytes())
    assert found.tolist() == [9] and found.dtype == "uint32"


def test_old_views_begin_within_the_block():
    view = StorageRecord("0", "float32", 4, start=10)
    found = _array(TensorRecord(view, 1, (3,), (1,)))
    assert found.tolist() == [11, 12, 13]


def test_blocks_are_read_once_and_shared():
    reads = []

    def read(key):
        reads.append(key)
        return NUMBERS.tobytes()

    blocks = Storages(read)
    first, second = (
        blocks.array(TensorRecord(BLOCK, offset, (4,), (1,)))
        for offset in (0, 2)
    )
    assert reads == ["0"]
    assert np.shares_memory(first, second)
    assert not first.flags.writeable


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (25,), (1,)),
        (1, (4, 6), (6, 1)),
        (24, (1,), (1,)),
        (0, (2, 2), (23, 1)),
    ],
)
def test_beyond_the_block(offset, shape, strides):
    with pytest.raises(ValueError, match="ends at element"):
        _array(TensorRecord(BLOCK, offset, shape, strides))


@pytest.mark.parametrize(
    "record",
    [
        TensorRecord(BLOCK, -1, (2,), (1,)),
        TensorRecord(BLOCK, 0, (-2,), (1,)),
        TensorRecord(BLOCK, 4, (2,), (-1,)),
        TensorRecord(BLOCK, 0, (2, 2), (1,)),
        TensorRecord(BLOCK, 0, [2], (1,)),
        TensorRecord(BLOCK, 0, (True,), (1,)),
        TensorRecord(BLOCK, 0, (2**40, 2**40), (0, 0)),
        TensorRecord("0", 0, (2,), (1,)),
        TensorRecord(BLOCK, 0, (2,), (1,), "float8"),
    ],
    ids=str,
)
def test_tensors_that_cannot_be(record):
    with pytest.raises(ValueError, match="cannot be"):
        _array(record)


def test_a_block_that_is_too_short():
    with pytest.raises(ValueError, match="has 92 bytes instead of 96"):
        _array(TensorRecord(BLOCK, 0, (2,), (1,)), NUMBERS[1:].tobytes())


def test_records_cannot_be_changed_by_a_pickle():
    with pytest.raises(pickle.UnpicklingError):
        BLOCK.__setstate__({"count": 10**9})
