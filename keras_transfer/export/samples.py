"""Rows to try an export with, kept beside it."""

import pathlib

import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument

FOLDER = "assets.extra/samples"
ROWS = 3
#: Most rows that are tried, which keeps the export quick.
MOST_ROWS = 16
#: For free axes: what convolutions and networks for images accept.
_FREE_SIZE, _FREE_IMAGE_SIZE = 8, 32


def for_model(served, given=None, rows=ROWS, seed=0):
    """Rows of the inputs of a model: the user's, or made at random.

    Args:
        served: A `ServedModel`.
        given: Array, or dict of arrays by input name, of real rows.
        rows: Number of the random ones.
        seed: Of the random ones.

    Returns:
        Dict of arrays, of the given ones the first 16 rows. Random floats are
        from 0 to 1, for images from 0 to 255; integers 0 or 1, likewise for
        images; strings short. Free axes are 8, of images 32.

    Raises:
        ValueError: If what is given does not fit the inputs.
    """
    specs = served.input_specs
    if given is None:
        return for_signature(specs, rows, seed)
    if not isinstance(given, dict) and len(specs) == 1:
        given = {next(iter(specs)): given}
    if not isinstance(given, dict) or set(given) != set(specs):
        received = type(given).__name__
        if isinstance(given, dict):
            received = sorted(given)
        raise invalid_argument(
            "samples", received, f"arrays for {sorted(specs)}"
        )
    arrays = {
        name: _as(given[name], spec, name in served.may_be_nan)
        for name, spec in specs.items()
    }
    numbers = {name: len(array) for name, array in arrays.items()}
    if len(set(numbers.values())) > 1:
        raise invalid_argument("samples", numbers, "as many rows of each input")
    return {name: array[:MOST_ROWS] for name, array in arrays.items()}


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
            `probes.signatures` gives them, or a `tf.TensorSpec`.
        rows: Number of rows.
        seed: Of the random numbers.
    """
    generator = np.random.default_rng(seed)
    return {
        key: _random(tf.TensorSpec(x.shape, x.dtype), generator, rows)
        for key, x in inputs.items()
    }


def _random(spec, generator, rows):
    sizes = spec.shape.as_list()[1:]
    is_image = len(sizes) == 3 and sizes[-1] in (1, 3)
    free = _FREE_IMAGE_SIZE if is_image else _FREE_SIZE
    shape = [rows, *(free if size is None else size for size in sizes)]
    if spec.dtype == tf.string:
        words = [b"a", b"film b", b"good film"]
        picked = generator.integers(0, len(words), shape)
        return np.array(words, dtype=object)[picked]
    dtype = spec.dtype.as_numpy_dtype
    if spec.dtype.is_bool or spec.dtype.is_integer:
        high = min(255, spec.dtype.max) if is_image else 1
        return generator.integers(0, high + 1, shape).astype(dtype)
    high = 255.0 if is_image else 1.0
    return generator.uniform(0, high, shape).astype(dtype)


def _as(rows, spec, may_be_nan):
    if spec.dtype == tf.string:
        array = np.array(rows, dtype=object)
        strings = np.empty(array.shape, dtype=object)
        for index, string in enumerate(array.flat):
            strings.flat[index] = tf.compat.as_bytes(string)
        array = strings
    else:
        array = np.asarray(rows).astype(spec.dtype.as_numpy_dtype)
    if not spec.shape.is_compatible_with(array.shape) or len(array) < 2:
        raise invalid_argument(
            "samples",
            array.shape,
            f"at least 2 rows of shape {tuple(spec.shape[1:])} for "
            f"{spec.name!r}",
        )
    if spec.dtype.is_floating and not _is_known(array, may_be_nan):
        raise invalid_argument(
            "samples", "NaN or infinity", f"finite numbers for {spec.name!r}"
        )
    return array


def _is_known(array, may_be_nan):
    """Whether all numbers are finite, but for gaps where they may be."""
    is_fine = np.isfinite(array)
    return (is_fine | np.isnan(array) if may_be_nan else is_fine).all()


def _pack(array):
    """As bytes of a TensorProto: NumPy keeps strings as a program."""
    proto = tf.make_tensor_proto(array)
    return np.frombuffer(proto.SerializeToString(), dtype="uint8")


def _unpack(packed):
    from tensorflow.core.framework import tensor_pb2

    proto = tensor_pb2.TensorProto()
    proto.ParseFromString(packed.tobytes())
    return tf.make_ndarray(proto)
