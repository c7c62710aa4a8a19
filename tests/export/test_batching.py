"""The file that lets a server put requests together."""

import pytest

from keras_transfer.export import batching
from keras_transfer.export.versioning import text_proto


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [
        (1, [1]),
        (2, [1, 2]),
        (3, [1, 2, 3]),
        (32, [1, 2, 4, 8, 16, 32]),
        (33, [1, 2, 4, 8, 16, 32, 33]),
    ],
)
def test_sizes_grow_to_the_largest(largest, sizes, tmp_path):
    assert batching.sizes(largest) == sizes
    batching.write(tmp_path, largest)
    assert batching.faults(tmp_path) == []
    text = (tmp_path / batching.FILE).read_text()
    parameters = text_proto.parse(text)
    assert parameters.values("allowed_batch_sizes") == sizes
    (wrapper,) = parameters.values("max_batch_size")
    assert wrapper.values("value") == [largest]


def test_padding_is_never_asked_for(tmp_path):
    batching.write(tmp_path, 8)
    assert "pad_variable" not in (tmp_path / batching.FILE).read_text()


def test_no_file_is_no_fault(tmp_path):
    assert batching.faults(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "max_batch_size { value: 4 } allowed_batch_sizes: [2, 4]",
        "max_batch_size: <value: 4>",
        "max_batch_size { value: 4 }\npad_variable_length_inputs: false",
        "max_batch_size { value: 4 } # pad_variable_length_inputs: true",
    ],
)
def test_ways_to_write_it_well(text, tmp_path):
    (tmp_path / batching.FILE).write_text(text)
    assert batching.faults(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("allowed_batch_sizes: 4", "max_batch_size { value: ... } is missing"),
        ("max_batch_size: 4", "max_batch_size { value: ... } is missing"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: [2, 4]",
            "the last of allowed_batch_sizes is 4 and must be max_batch_size, "
            "8",
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [2, 2, 4]",
            "allowed_batch_sizes must grow",
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [2, four]",
            "batch sizes must be integers",
        ),
        (
            "max_batch_size { value: 4 } pad_variable_length_inputs : true",
            "pad_variable_length_inputs changes answers: remove it",
        ),
        (
            "max_batch_size { value: 4 } pad_variable_length_inputs: 1",
            "pad_variable_length_inputs changes answers: remove it",
        ),
    ],
)
def test_faults(text, fault, tmp_path):
    (tmp_path / batching.FILE).write_text(text)
    assert batching.faults(tmp_path) == [fault]


def test_what_is_no_text_proto_is_a_fault(tmp_path):
    (tmp_path / batching.FILE).write_text("max_batch_size {")
    (fault,) = batching.faults(tmp_path)
    assert fault.startswith("batching_params.pbtxt cannot be read: Line 1")


def test_bytes_that_are_no_text_are_a_fault(tmp_path):
    (tmp_path / batching.FILE).write_bytes(b"\xff\xfe\x00")
    (fault,) = batching.faults(tmp_path)
    assert "cannot be read" in fault
