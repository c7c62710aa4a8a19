"""Arrays as a signature wants them, and as a client gives them back."""

from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument

#: TF Serving's own rule for strings that are not text.
BYTES_SUFFIX = "_bytes"


class TensorSpec(NamedTuple):
    """An input or output.

    Attributes:
        dtype: TensorFlow's name, as `"float32"` or `"string"`.
        shape: Tuple with `None` for free dimensions, or `None` if even their
            number is free.
    """

    dtype: str
    shape: tuple | None


class Signature(NamedTuple):
    """What a signature takes and gives, by name, and its method name."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    method_name: str


class Metadata(NamedTuple):
    """The version that a server would use now, and its signatures."""

    version: int
    signatures: dict[str, Signature]


def as_inputs(inputs: Any, signature: Signature) -> dict[str, np.ndarray]:
    """Names, casts and checks what is to be sent.

    Args:
        inputs: Dict of arrays, or one array for a signature with one input.
        signature: What the server expects.

    Returns:
        Dict of arrays; strings are arrays of `bytes` objects.

    Raises:
        ValueError: If a name, kind, value or shape does not fit.
    """
    names = list(signature.inputs)
    if not isinstance(inputs, dict):
        if len(names) != 1:
            raise invalid_argument(
                "inputs",
                type(inputs).__name__,
                f"a dict with the keys {_listed(names)}",
            )
        inputs = {names[0]: inputs}
    if set(inputs) != set(names):
        raise invalid_argument(
            "inputs", list(inputs), f"the inputs {_listed(names)}"
        )
    return {
        name: as_input(inputs[name], name, spec)
        for name, spec in signature.inputs.items()
    }


def as_input(value: Any, name: str, spec: TensorSpec) -> np.ndarray:
    """One array, of the dtype and shape of the signature."""
    if spec.dtype == "string":
        array = _as_bytes(value, name)
    else:
        array = _as_numbers(value, name, spec.dtype)
    _check_shape(array, name, spec)
    return array


def as_output(array: np.ndarray, name: str) -> np.ndarray:
    """Strings as `str`, but for names that end in `_bytes`.

    What is no UTF-8 is kept with `surrogateescape`.
    """
    if array.dtype != object or name.endswith(BYTES_SUFFIX):
        return array
    flat = [text.decode("utf-8", "surrogateescape") for text in array.flat]
    return np.array(flat, dtype=object).reshape(array.shape)


def dtype_name(proto_name: str) -> str:
    """TensorFlow's name of a dtype that is named `DT_...` in messages."""
    return tf.dtypes.as_dtype(proto_name.removeprefix("DT_").lower()).name


def is_internal(signature_name: str) -> bool:
    """Whether TensorFlow put it beside the signatures, for its own use."""
    return signature_name.startswith("__saved_model_")


def shape_of(dims: Any, unknown_rank: bool) -> tuple | None:
    """The shape of a `TensorSpec` from sizes, of which -1 is free."""
    if unknown_rank:
        return None
    return tuple(None if int(size) < 0 else int(size) for size in dims)


def _as_numbers(value, name, dtype):
    wanted = tf.dtypes.as_dtype(dtype)
    try:
        array = np.asarray(value)
        given = tf.dtypes.as_dtype(array.dtype)
    except (ValueError, TypeError) as error:
        raise invalid_argument(
            name, type(value).__name__, f"an array of {dtype}", _says(error)
        ) from error
    if given == wanted:
        return array
    if _kind(given) != _kind(wanted):
        raise invalid_argument(
            name,
            f"array of {given.name}",
            f"an array of {dtype}",
            f"If that is meant, send numpy.asarray({name}, {dtype!r}).",
        )
    with np.errstate(over="ignore"):
        cast = array.astype(wanted.as_numpy_dtype)
    if not _is_kept(array, cast, wanted):
        raise invalid_argument(
            name,
            f"array of {given.name} from {array.min()} to {array.max()}",
            f"values in the range of {dtype}",
        )
    return cast


def _kind(dtype):
    for kind in ("is_bool", "is_floating", "is_integer", "is_complex"):
        if getattr(dtype, kind):
            return kind
    return dtype.name


def _is_kept(array, cast, wanted):
    """Whether no value left the range: rounding is fine, inf is not."""
    if not array.size:
        return True
    if wanted.is_integer:
        low, high = int(array.min()), int(array.max())
        return int(wanted.min) <= low and high <= int(wanted.max)
    return bool(np.all(np.isfinite(cast) | ~np.isfinite(array)))


def _as_bytes(value, name):
    if isinstance(value, str | bytes):
        array = np.empty((), dtype=object)
        array[()] = value
    else:
        try:
            # As objects: NumPy's own bytes lose zeros at the end.
            dtype = None if isinstance(value, np.ndarray) else object
            array = np.asarray(value, dtype).astype(object)
        except ValueError as error:
            raise invalid_argument(
                name, type(value).__name__, "an array of strings", _says(error)
            ) from error
    flat = [
        text.encode("utf-8", "surrogateescape")
        if isinstance(text, str)
        else text
        for text in array.flat
    ]
    wrong = next((text for text in flat if not isinstance(text, bytes)), None)
    if wrong is not None or any(text is None for text in flat):
        raise invalid_argument(
            name,
            f"array with a {type(wrong).__name__}",
            "an array of str or bytes",
        )
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(array.shape)


def _check_shape(array, name, spec):
    if spec.shape is None or _fits(array.shape, spec.shape):
        return
    hint = None
    if _fits(array.shape, spec.shape[1:]):
        hint = f"For a batch of one row, send {name}[None] or a list of it."
    raise invalid_argument(
        name, f"array of shape {array.shape}", f"the shape {spec.shape}", hint
    )


def _fits(shape, expected):
    return len(shape) == len(expected) and all(
        wanted in (None, size)
        for size, wanted in zip(shape, expected, strict=True)
    )


def _listed(names):
    return ", ".join(map(repr, names)) or "none"


def _says(error):
    return f"NumPy says: {str(error).rstrip('.')}."
