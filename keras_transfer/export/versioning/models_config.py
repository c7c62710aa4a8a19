"""The `models.config` of TF Serving: read, and edited in place."""

import dataclasses
import os
import pathlib
import shutil

from keras_transfer import _files
from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.export.versioning import text_proto

_POLICIES = ("specific", "latest", "all")
_POLICY = "model_version_policy"
_LABELS = "version_labels"


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a config says of one model.

    Attributes:
        name: Name that clients use.
        base_path: Folder of its versions, as the server sees it.
        policy: `"specific"`, `"latest"` or `"all"`.
        versions: Of `"specific"` the versions, of `"latest"` how many.
        labels: Dict from label to version.
        message: The `text_proto.Message` that it was read from.
    """

    name: str
    base_path: str
    policy: str
    versions: tuple
    labels: dict
    message: text_proto.Message

    def loaded(self, numbers):
        """Which versions the server keeps loaded.

        Args:
            numbers: The versions that are there.

        Returns:
            Sorted list; of the policy `"specific"` also what is not there.
        """
        if self.policy == "specific":
            return sorted(set(self.versions))
        count = self.versions[0] if self.policy == "latest" else None
        return sorted(numbers)[-count:] if count else sorted(numbers)


def read(text):
    """Reads a config.

    Only what is needed is looked at; other fields may be anything.

    Args:
        text: Contents of the file.

    Returns:
        List of `Entry`.

    Raises:
        ValueError: If it is no list of models in this format, or is
            ambiguous; one sentence with the line.
    """
    outermost = text_proto.parse(text)
    unknown = [f for f in outermost.fields if f.name != "model_config_list"]
    if unknown:
        raise _error(text, unknown[0], "only model_config_list")
    lists = outermost.values("model_config_list")
    if len(lists) > 1:
        second = outermost.fields[1]
        raise _error(text, second, "one model_config_list")
    for message in lists:
        _check_message(text, outermost.fields[0], message)
    entries = []
    for field in lists[0].all("config") if lists else []:
        for message in field.values:
            _check_message(text, field, message)
            entries.append(_entry(text, field, message))
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"There are several models named {name!r}.")
    return entries


def with_versions(text, name, versions, labels):
    """Changes which versions of a model are loaded and labelled.

    Everything else stays as it stands, comments among it.

    Args:
        text: Contents of the file.
        name: Name of a model in it.
        versions: Versions to keep loaded.
        labels: Dict from label to version.

    Returns:
        The new contents.
    """
    entry = {entry.name: entry for entry in read(text)}[name]
    old = entry.message.all(_POLICY, _LABELS)
    first = entry.message.fields[0]
    indent = _indentation(text, first.start)
    if not text[entry.message.start : first.start].count("\n"):
        indent += "  "  # on the line of its brace
    kept = [
        line.strip()
        for field in old
        for line in text_proto.comments(text, field)
    ]
    lines = [*kept, *_state_lines(versions, labels)]
    block = "".join(f"{indent}{line}\n" for line in lines)
    for field in reversed(old):
        text = _without(text, field.start, field.end)
    # What was removed stood behind the name, or before it: look again.
    entry = {entry.name: entry for entry in read(text)}[name]
    end = entry.message.end
    line = text.rfind("\n", 0, end) + 1
    if text[line:end].strip():  # the brace closes a line with fields
        before = text[:end].rstrip(" \t")
        return f"{before}\n{block}{_indentation(text, end)}{text[end:]}"
    return text[:line] + block + text[line:]


def with_model(text, name, base_path, versions, labels):
    """Adds a model at the end of a config, which may be empty."""
    lines = [
        f"name: {text_proto.quote(name)}",
        f"base_path: {text_proto.quote(base_path)}",
        'model_platform: "tensorflow"',
        *_state_lines(versions, labels),
    ]
    body = "".join(f"    {line}\n" for line in lines)
    block = f"  config {{\n{body}  }}\n"
    lists = text_proto.parse(text).values("model_config_list")
    if not lists:
        if text and not text.endswith("\n"):
            text += "\n"
        return f"{text}model_config_list {{\n{block}}}\n"
    end = lists[0].end
    before = text[:end].rstrip(" \t")
    if not before.endswith("\n"):
        before += "\n"
    return before + block + text[end:]


def load(path):
    """Reads a file.

    Args:
        path: Path of the config.

    Returns:
        Its text and its list of `Entry`.

    Raises:
        ValueError: If it is no config, with path and line.
    """
    text = pathlib.Path(path).read_bytes().decode("utf-8")
    try:
        return text, read(text)
    except ValueError as error:
        hint = "Mend the line; nothing was changed."
        raise ValueError(f"{path} cannot be read. {error} {hint}") from error


def replace(path, old, new):
    """Writes a file whole, unless someone else has changed it.

    Args:
        path: Path of the config; of a link, what it points to is replaced.
        old: The text that was read, or `None` if there was no file.
        new: The text to write.

    Raises:
        ValueError: If the file is not as it was read.
    """
    path = pathlib.Path(os.path.realpath(path))
    found = path.read_bytes() if path.exists() else None
    if found != (None if old is None else old.encode("utf-8")):
        raise ValueError(
            f"{path} was changed by someone else in the meantime, and was "
            "left as it is: run the command again."
        )
    read(new)  # what is written can be read again
    if new == old:
        return
    with _files.written_whole(path) as partial:
        partial.write_bytes(new.encode("utf-8"))
        if found is not None:
            shutil.copymode(path, partial)


def entry_for(base, path, entries, model=None):
    """Finds the model whose versions lie in a folder.

    By the folder itself, else, as inside a container the folder has another
    path, by its last part.

    Args:
        base: Folder of the versions.
        path: Path of the config, for the message.
        entries: What `load` gave.
        model: Name of the model, if the folder does not tell.

    Returns:
        The `Entry`, or `None`.

    Raises:
        ValueError: If several models would fit.
    """
    if model is not None:
        named = [entry for entry in entries if entry.name == model]
        if not named:
            raise unknown_name("model", model, [e.name for e in entries])
        return named[0]
    real = os.path.realpath(base)
    found = [e for e in entries if os.path.realpath(e.base_path) == real]
    if not found:
        last = os.path.basename(os.path.abspath(base))
        found = [
            entry
            for entry in entries
            if pathlib.PurePosixPath(entry.base_path).name == last
        ]
    if len(found) > 1:
        names = ", ".join(repr(entry.name) for entry in found)
        raise invalid_argument(
            "model", model, f"one of {names}", f"All fit {base} in {path}."
        )
    return found[0] if found else None


def _entry(text, field, message):
    single = {}
    for name in ("name", "base_path", _POLICY):
        values = message.values(name)
        if len(values) > 1:
            raise _error(text, message.all(name)[1], f"one {name}")
        single[name] = values[0] if values else None
    for name in ("name", "base_path"):
        value = single[name]
        is_text = isinstance(value, str) and not isinstance(
            value, text_proto.Word
        )
        if not is_text or not value:
            raise _error(text, field, f"a config with a {name} in quotes")
    policy, versions = _policy(text, message)
    return Entry(
        single["name"],
        single["base_path"],
        policy,
        versions,
        _labels(text, message),
        message,
    )


def _policy(text, message):
    fields = message.all(_POLICY)
    if not fields or not fields[0].values[0].fields:
        return "latest", (1,)
    (policy,) = fields[0].values
    _check_message(text, fields[0], policy)
    chosen = policy.fields[0]
    if len(policy.fields) > 1 or chosen.name not in _POLICIES:
        raise _error(text, fields[0], f"one of {', '.join(_POLICIES)}")
    key = {"specific": "versions", "latest": "num_versions"}.get(chosen.name)
    (inner,) = chosen.values
    _check_message(text, chosen, inner)
    unknown = [field for field in inner.fields if field.name != key]
    values = inner.values(key)
    if unknown or not all(isinstance(value, int) for value in values):
        raise _error(text, chosen, f"{key or 'nothing'} in {chosen.name}")
    if chosen.name == "latest":
        return "latest", (values[-1] if values and values[-1] > 0 else 1,)
    return chosen.name, tuple(values)


def _labels(text, message):
    labels = {}
    for field in message.all(_LABELS):
        for pair in field.values:
            _check_message(text, field, pair)
            names = sorted(inner.name for inner in pair.fields)
            label, version = pair.values("key"), pair.values("value")
            if names != ["key", "value"] or not isinstance(version[0], int):
                raise _error(text, field, "a key and a whole value")
            labels[label[0]] = version[0]
    return labels


def _check_message(text, field, value):
    if not isinstance(value, text_proto.Message):
        raise _error(text, field, f"{{...}} after {field.name}")


def _error(text, field, expected):
    line = text_proto.line_of(text, field.start)
    return ValueError(f"Line {line}: expected {expected}.")


def _state_lines(versions, labels):
    listed = " ".join(f"versions: {number}" for number in sorted(versions))
    yield f"{_POLICY} {{ specific {{ {listed} }} }}"
    for label, number in labels.items():
        key = text_proto.quote(label)
        yield f"{_LABELS} {{ key: {key} value: {number} }}"


def _indentation(text, index):
    line = text.rfind("\n", 0, index) + 1
    return text[line : len(text) - len(text[line:].lstrip(" \t"))]


def _without(text, start, end):
    """Removes a field, what separates it, and the line if it is empty."""
    rest = text[end:]
    end += len(rest) - len(rest.lstrip(" \t"))
    if text[end : end + 1] in (",", ";"):
        end += 1
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip():
        after = text.find("\n", end)
        after = len(text) if after < 0 else after
        if not text[end:after].strip():
            return text[:line] + text[after + 1 :]
    return text[:start] + text[end:]
