"""How the server puts requests together: `batching_params.pbtxt`."""

import pathlib

from keras_transfer.export.versioning import text_proto

FILE = "batching_params.pbtxt"
#: How long a request waits for others.
TIMEOUT_MICROS = 1000
_PADDING = "pad_variable_length_inputs"
#: The ways to write it in a text proto.
_TRUE = ("true", "True", "t", "1")


def write(folder, max_batch_size):
    """Writes the parameters that the server reads for this version.

    Batches are filled up to a power of two, so that few shapes are run. The
    parameter `pad_variable_length_inputs` is never set: it changes answers.

    Args:
        folder: The version.
        max_batch_size: Most rows of a batch.
    """
    lines = [
        f"max_batch_size {{ value: {max_batch_size} }}",
        f"batch_timeout_micros {{ value: {TIMEOUT_MICROS} }}",
        "max_enqueued_batches { value: 100 }",
        *(f"allowed_batch_sizes: {size}" for size in sizes(max_batch_size)),
    ]
    pathlib.Path(folder, FILE).write_text("\n".join(lines) + "\n")


def sizes(max_batch_size):
    """Powers of two, and the largest batch at the end."""
    powers = [1]
    while powers[-1] * 2 < max_batch_size:
        powers.append(powers[-1] * 2)
    return powers if max_batch_size == 1 else [*powers, max_batch_size]


def faults(folder):
    """What is wrong with the file of a version.

    Returns:
        List of sentences, empty if nothing is; `None` without a file.
    """
    path = pathlib.Path(folder, FILE)
    if not path.exists():
        return None
    try:
        parameters = text_proto.parse(path.read_text("utf-8"))
    except ValueError as error:
        return [f"{FILE} cannot be read: {error}"]
    found = []
    if any(str(x) in _TRUE for x in parameters.values(_PADDING)):
        found.append(f"{_PADDING} changes answers: remove it")
    allowed = parameters.values("allowed_batch_sizes")
    largest = [
        value
        for wrapper in parameters.values("max_batch_size")
        for value in getattr(wrapper, "values", lambda _: [])("value")
    ]
    if not all(isinstance(n, int) for n in [*allowed, *largest]):
        return [*found, "batch sizes must be integers"]
    if not largest:
        found.append("max_batch_size { value: ... } is missing")
    elif allowed and allowed[-1] != largest[-1]:
        found.append(
            f"the last of allowed_batch_sizes is {allowed[-1]} and must be "
            f"max_batch_size, {largest[-1]}"
        )
    if allowed != sorted(set(allowed)):
        found.append("allowed_batch_sizes must grow")
    return found
