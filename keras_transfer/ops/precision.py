"""Batch statistics lose too much in half precision; this is the floor."""

import keras
from keras import ops


def at_least_float32(x):
    """Casts `x` to float32 unless it is float32 or float64 already."""
    x = ops.convert_to_tensor(x)
    if keras.backend.standardize_dtype(x.dtype) in ("float32", "float64"):
        return x
    return ops.cast(x, "float32")
