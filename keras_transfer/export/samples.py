"""Rows to try an export with, kept beside it."""

import pathlib

import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument

FOLDER = "assets.extra/samples"
ROWS = 3


def for_model(served, given=None, seed=0):
    """Rows of the inputs of a model: the user's, or made at random.

    Args:
        served: A `ServedModel`.
        given: Array, or dict of arrays by input name, of real rows.
        seed: Of the random ones.

    Returns:
        Dict of arrays with a few rows. Random floats are from 0 to 1, for
        images from 0 to 255; integers 0 or 1; strings short.

    Raises:
        ValueError: If what is given does not fit the inputs.
    """
    specs = served.input_specs
    if given is None:
        generator = np.random.default_rng(seed)
        return {n: _random(spec, generator) for n, spec in specs.items()}
    if not isinstance(given, dict) and len(specs) == 1:
        given = {next(iter(specs)): given}
    if not isinstance(given, dict) or set(given) != set(specs):
        raise invalid_argument(
            "samples", type(given).__name__, f"arrays for {sorted(specs)}"
        )
    return {name: _as(given[name], spec) for name, spec in specs.items()}


def write(folder, name, inputs, outputs):
    """Keeps what went into a signature and what came out."""
    path = pathlib.Path(folder, FOLDER, f"{name}.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"in:{key}": _pack(x) for key, x in inputs.items()}
    arrays |= {f"out:{key}": _pack(x) for key, x in outputs.items()}
    np.savez_compressed(path, **arrays)


def read(folder):
    """What was kept: dict from signature to `(inputs, outputs)`."""
    found = {}
    for path in sorted(pathlib.Path(folder, FOLDER).glob("*.npz")):
        with np.load(path) as arrays:
            found[path.stem] = tuple(
                {
                    key.removeprefix(prefix): _unpack(arrays[key])
                    for key in arrays
                    if key.startswith(prefix)
                }
                for prefix in ("in:", "out:")
            )
    return found


def for_signature(inputs, rows=ROWS, seed=0):
    """Random rows for the inputs of a signature of any origin.

    Args:
        inputs: Dict from key to an object with `dtype` and `shape`, as
            `probes.run.signatures` gives them; free axes become 1.
        rows: Number of rows.
        seed: Of the random numbers.
    """
    generator = np.random.default_rng(seed)
    return {
        key: _random(tf.TensorSpec(x.shape, x.dtype), generator, rows)
        for key, x in inputs.items()
    }


def _random(spec, generator, rows=ROWS):
    shape = [rows, *(size or 1 for size in spec.shape.as_list()[1:])]
    if spec.dtype == tf.string:
        words = [b"a", b"film b", b"good film"]
        picked = generator.integers(0, len(words), shape)
        return np.array(words, dtype=object)[picked]
    if spec.dtype.is_bool or spec.dtype.is_integer:
        return generator.integers(0, 2, shape).astype(spec.dtype.as_numpy_dtype)
    high = 255.0 if len(shape) == 4 and shape[-1] in (1, 3) else 1.0
    values = generator.uniform(0, high, shape)
    return values.astype(spec.dtype.as_numpy_dtype)


def _as(rows, spec):
    array = np.asarray(rows)
    if spec.dtype == tf.string:
        array = np.array(
            [tf.compat.as_bytes(x) for x in array.reshape(-1)], dtype=object
        ).reshape(array.shape)
    else:
        array = array.astype(spec.dtype.as_numpy_dtype)
    if not spec.shape.is_compatible_with(array.shape) or len(array) < 2:
        raise invalid_argument(
            "samples",
            array.shape,
            f"at least 2 rows of shape {tuple(spec.shape[1:])} for "
            f"{spec.name!r}",
        )
    return array[:16]


def _pack(array):
    """As bytes of a TensorProto: NumPy keeps strings as a program."""
    proto = tf.make_tensor_proto(array)
    return np.frombuffer(proto.SerializeToString(), dtype="uint8")


def _unpack(packed):
    from tensorflow.core.framework import tensor_pb2

    proto = tensor_pb2.TensorProto()
    proto.ParseFromString(packed.tobytes())
    return tf.make_ndarray(proto)
