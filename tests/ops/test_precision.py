import keras
import pytest

from keras_transfer.ops.precision import at_least_float32

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(
    "given, expected",
    [
        ("float16", "float32"),
        ("bfloat16", "float32"),
        ("float32", "float32"),
        ("int32", "float32"),
        ("uint8", "float32"),
    ],
)
def test_at_least_float32(given, expected):
    value = at_least_float32(keras.ops.ones((2,), given))
    assert keras.backend.standardize_dtype(value.dtype) == expected


def test_python_numbers_are_taken():
    value = at_least_float32([[1, 2]])
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
