"""What the files of a version say of themselves, without running it."""

import os
import re
import stat

from keras_transfer.export import batching
from keras_transfer.export import model_card
from keras_transfer.export import verification
from keras_transfer.export import warmup
from keras_transfer.export.check import Check
from keras_transfer.export.saved_model import CLASS_NAMES
from keras_transfer.export.versioning import version_folders


def check(folder):
    """Looks at the name, the permissions, the size and the checksums.

    Args:
        folder: The version, an absolute `pathlib.Path`.

    Yields:
        A `Check` for each.
    """
    is_version = re.fullmatch("[0-9]+", folder.name)
    text = "" if is_version else f"a server ignores the name {folder.name!r}"
    yield Check("version number", "pass" if is_version else "fail", text)
    # The folder above too: a server cannot look into a closed one.
    paths = [folder.parent, folder, *sorted(folder.rglob("*"))]
    closed = [
        os.path.relpath(path, folder) for path in paths if not _is_open(path)
    ]
    text = (
        f"a server under another user cannot read {', '.join(closed[:3])}: "
        "chmod -R a+rX"
    )
    yield Check(
        "permissions", "warn" if closed else "pass", text if closed else ""
    )
    size = version_folders.size(folder)
    yield Check("size", "pass", f"{size / 1e6:.1f} MB")
    changed = model_card.changed_files(folder)
    if changed is None:
        yield Check("checksums", "skip", "no manifest")
    else:
        text = f"changed since the export: {', '.join(changed[:3])}"
        yield Check(
            "checksums",
            "fail" if changed else "pass",
            text if changed else "",
        )


def _is_open(path):
    mode = path.stat().st_mode
    if path.is_dir():
        return bool(mode & stat.S_IROTH and mode & stat.S_IXOTH)
    return bool(mode & stat.S_IROTH)


def check_class_names(folder, graph):
    """Whether clients are told what the numbers mean.

    Args:
        folder: The version.
        graph: Its `MetaGraphDef`.

    Returns:
        A `Check`.
    """
    has_classes = any(
        "classes" in definition.outputs
        for definition in graph.signature_def.values()
    )
    if (folder / CLASS_NAMES).is_file():
        return Check("class names", "pass")
    if has_classes:
        return Check("class names", "pass", "in the graph")
    text = "none: clients get numbers; export.save takes class_names="
    return Check("class names", "warn", text)


def check_batching(folder):
    """Looks at the file that lets a server put requests together: a `Check`."""
    faults = batching.faults(folder)
    if faults is None:
        text = "no file: requests are not batched"
        return Check("batching", "pass", text)
    return Check("batching", "fail" if faults else "pass", "; ".join(faults))


def warmup_requests(folder, known):
    """Reads the warmup requests.

    Args:
        folder: The version.
        known: Dict from name to `probes.Signature`.

    Returns:
        `(requests, checks)`: what `warmup.read` returns if it can be replayed,
        else `None`; and the checks if there is nothing to replay.
    """
    try:
        requests = warmup.read(folder)
    except ImportError:
        text = 'not replayed; needs pip install "keras-transfer[serving]"'
        return None, [Check("warmup", "skip", text)]
    except (ValueError, TypeError) as error:
        text = f"cannot be read, and keeps the version from loading: {error}"
        return None, [Check("warmup", "fail", text)]
    if requests is None:
        return None, [Check("warmup", "pass", "no file")]
    for name, rows in requests:
        if name not in known:
            text = f"asks for {name!r}, which is no signature here"
            return None, [Check("warmup", "fail", text)]
        if set(rows) != set(known[name].inputs):
            text = f"{name} has other inputs than {sorted(rows)}"
            return None, [Check("warmup", "fail", text)]
    return requests, []


def check_warmup(requests, answers):
    """Whether the warmup requests were answered.

    Args:
        requests: As from `warmup_requests`.
        answers: `probes.Answer` to each; `None` if the folder did not load.

    Returns:
        List of `Check`, empty if nothing was replayed.
    """
    if requests is None or answers is None:
        return []
    for (name, _), answer in zip(requests, answers, strict=True):
        if not answer.ok:
            text = f"{name} fails: {verification.one_line(answer.message)}"
            return [Check("warmup", "fail", text)]
    return [Check("warmup", "pass", f"{len(requests)} requests")]
