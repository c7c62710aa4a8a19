"""What a server's refusal says."""

import pickle

import pytest

from keras_transfer.export.client.serving_error import ServingError
from keras_transfer.export.client.serving_error import one_line


def test_it_reads_as_its_message_and_keeps_the_code():
    error = ServingError("NOT_FOUND", "There is no such model.")
    assert str(error) == "There is no such model."
    assert error.code == "NOT_FOUND"


def test_it_travels_between_processes():
    error = pickle.loads(pickle.dumps(ServingError("INTERNAL", "Broken.")))
    assert (error.code, str(error)) == ("INTERNAL", "Broken.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\t b", "a b"),
        ("x is NaN\n\t [[{{function_node f}}{{node g/h}}]]", "x is NaN"),
        ("a [[{{node b}} = c]] d", "a [[{{node b}} = c]] d"),
        ("shape [[1,2],[3,4]]", "shape [[1,2],[3,4]]"),
    ],
)
def test_line_breaks_and_nodes_are_left_out(text, expected):
    assert one_line(text) == expected
