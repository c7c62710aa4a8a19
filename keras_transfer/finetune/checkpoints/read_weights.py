"""Weights that PyTorch or safetensors wrote, as arrays."""

import pathlib

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.checkpoints import safetensors_file
from keras_transfer.finetune.checkpoints import state_dict
from keras_transfer.finetune.checkpoints import torch_file
from keras_transfer.finetune.checkpoints.unreadable import unreadable

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")


def read_weights(path, key=None):
    """Reads the weights of a `.pt`, `.pth` or `.safetensors` file.

    PyTorch is not needed, and nothing in the file is run: the pickle inside
    may name tensors and plain values, and anything else is an error that says
    its name. Both formats of `torch.save` are read. Arrays are as in the file,
    in PyTorch's order of axes (`transfer_weights` turns them); bfloat16
    becomes float32.

    Bad at: files that hold a whole model, a TorchScript program, or quantized
    or sparse tensors, which are refused.

    Args:
        path: File with the suffix `.pt`, `.pth`, `.bin`, `.ckpt` or
            `.safetensors`.
        key: Where the file holds several dicts of tensors, as `"model"` and
            `"ema"`, the one to take. By default the only one there is, or
            `"state_dict"`, `"model_state_dict"` or `"model"`.

    Returns:
        Dict from PyTorch's names to NumPy arrays. A prefix `module.` or
        `_orig_mod.` of all names is dropped. Arrays may be read-only views.

    Raises:
        ValueError: If the file cannot be read as weights; the sentence says
            why.

    Example:

    >>> import json
    >>> import pathlib
    >>> import struct
    >>> import keras_transfer as kt
    >>> entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    >>> header = json.dumps({"fc.bias": entry}).encode()
    >>> _ = pathlib.Path("net.safetensors").write_bytes(
    ...     struct.pack("<Q", len(header)) + header + struct.pack("<f", 0.5)
    ... )
    >>> weights = kt.finetune.read_weights("net.safetensors")
    >>> {name: array.tolist() for name, array in weights.items()}
    {'fc.bias': [0.5]}

    Reference:

    - [PyTorch, Serialization semantics](
      https://docs.pytorch.org/docs/stable/notes/serialization.html)
    - [Hugging Face, Safetensors, "Format"](
      https://huggingface.co/docs/safetensors)
    """
    path = pathlib.Path(path)
    if path.suffix not in SUFFIXES:
        raise invalid_argument(
            "path", str(path), f"a file that ends in {', '.join(SUFFIXES)}"
        )
    if not path.is_file():
        raise invalid_argument("path", str(path), "a file that exists")
    if path.suffix == ".safetensors":
        return safetensors_file.read(path)
    contents, storages = torch_file.read(path)
    records = state_dict.find(contents, path, key)
    try:
        return {name: storages.array(r) for name, r in records.items()}
    except torch_file.FAILURES as error:
        raise unreadable(path, error) from error
