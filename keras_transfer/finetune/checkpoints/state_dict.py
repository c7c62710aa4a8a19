"""Finds the weights in what a training run saved."""

from keras_transfer._public import unknown_name
from keras_transfer.finetune.checkpoints.tensor_record import TensorRecord
from keras_transfer.finetune.checkpoints.unreadable import unreadable

#: Where training scripts put the weights, if they save more beside them.
_USUAL_KEYS = ("state_dict", "model_state_dict", "model")
#: What PyTorch's wrappers write before each name: DataParallel, compile.
_WRAPPERS = ("module.", "_orig_mod.")


def find(contents, path, key=None):
    """Finds the dict of tensors in a nest of dicts.

    Args:
        contents: What a PyTorch file holds.
        path: The file, for errors.
        key: Entry to take, if there are several dicts of tensors, or `None`.

    Returns:
        Dict from name to `TensorRecord`, without prefixes that all names
        share and that are those of PyTorch's wrappers.

    Raises:
        ValueError: If there is no such dict, or several and no `key`.

    Example:

    >>> from keras_transfer.finetune.checkpoints import state_dict
    >>> from keras_transfer.finetune.checkpoints import tensor_record
    >>> storage = tensor_record.StorageRecord("0", "float32", 1)
    >>> tensor = tensor_record.TensorRecord(storage, 0, (1,), (1,))
    >>> contents = {"state_dict": {"module.fc.bias": tensor}}
    >>> list(state_dict.find(contents, "net.pt"))
    ['fc.bias']
    """
    found = _candidates(contents)
    if key is not None:
        if key not in found:
            raise unknown_name("key", key, [name for name in found if name])
        return _without_wrappers(found[key])
    if len(found) > 1:
        usual = [name for name in _USUAL_KEYS if name in found]
        found = {name: found[name] for name in usual[:1] or found}
    if len(found) > 1:
        raise unreadable(
            path,
            f"it holds several dicts of tensors, {sorted(found)}",
            "Choose one with `kt.finetune.read_weights(path, key=...)`.",
        )
    if not found:
        raise unreadable(path, "it holds no dict of tensors")
    return _without_wrappers(*found.values())


def _candidates(contents):
    if _holds_weights(contents):
        return {"": _tensors(contents)}
    entries = contents.items() if isinstance(contents, dict) else ()
    return {
        name: _tensors(entry)
        for name, entry in entries
        if isinstance(name, str) and _holds_weights(entry)
    }


def _holds_weights(entry):
    # The dict of a training run may hold a tensor too, as its best score.
    return bool(_tensors(entry)) and not any(map(_tensors, entry.values()))


def _tensors(entry):
    if not isinstance(entry, dict):
        return {}
    return {
        name: value
        for name, value in entry.items()
        if isinstance(name, str) and isinstance(value, TensorRecord)
    }


def _without_wrappers(tensors):
    for prefix in _WRAPPERS * 2:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {
                name.removeprefix(prefix): value
                for name, value in tensors.items()
            }
    return tensors
