"""Which version of a served model clients get, and which are kept."""

import dataclasses
import datetime
import pathlib
import shlex

from keras_transfer._public import invalid_argument
from keras_transfer.export.versioning import server_state
from keras_transfer.export.versioning import version_folders
from keras_transfer.export.versioning import version_state
from keras_transfer.export.versioning.version_state import PREVIOUS
from keras_transfer.export.versioning.version_state import STABLE


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of a served model.

    Attributes:
        number: Its number.
        path: Its folder, a `pathlib.Path`.
        size: Bytes of all its files.
        created: When it was written, a `datetime.datetime` in UTC.
        labels: Sorted tuple of its labels.
        is_served: Whether a server with this config loads it.
        problem: Why it cannot be loaded, or `None`.
    """

    number: int
    path: pathlib.Path
    size: int
    created: datetime.datetime
    labels: tuple
    is_served: bool
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class LabelChange:
    """What `promote` and `rollback` did.

    Attributes:
        stable: The version with this label now, or `None`.
        previous: The version that was stable before, or `None`.
        served: Sorted tuple of the versions that are kept loaded.
        is_finished: Whether the labels were moved. If not, the server was
            only told to load the version.
        next_step: What is left to do, or `""`.
    """

    stable: int | None
    previous: int | None
    served: tuple
    is_finished: bool
    next_step: str = ""


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What `prune` did.

    Attributes:
        removed: Tuple of the numbers of the removed versions.
        refused: Dict from number to the reason why an old version was kept.
        cleaned: Tuple of the hidden leftovers of crashes that were removed.
    """

    removed: tuple
    refused: dict
    cleaned: tuple


def versions(base, config=None, model=None):
    """Lists the versions of a served model.

    Labels and what is served stand in the server's `models.config` if there
    is one that names the folder: `config`, else a file of this name beside
    the folder or one above. Without one the labels stand in the folder, in
    `labels.json`, from which `server_config` makes a `models.config`; a
    server without any config serves the newest version and knows no labels.

    Args:
        base: Folder of the model; its versions are in folders named by
            integers.
        config: Path of the `models.config`.
        model: Name of the model in it, if the folder does not tell.

    Returns:
        List of `Version`, the oldest first.

    Raises:
        ValueError: If the folder or the config cannot be used.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> folder = tempfile.TemporaryDirectory()
    >>> model.export(f"{folder.name}/1", verbose=False)
    >>> change = kt.export.promote(folder.name, 1)
    >>> (version,) = kt.export.versions(folder.name)
    >>> version.number, version.labels, version.is_served
    (1, ('stable',), True)
    >>> folder.cleanup()
    """
    state = version_state.read(base, config, model)
    return [
        Version(
            number,
            path,
            version_folders.size(path),
            datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC),
            state.labels_of(number),
            number in state.served,
            version_folders.problem(path),
        )
        for number, path in state.folders.items()
    ]


def promote(
    base,
    number,
    config=None,
    server=None,
    *,
    finish=False,
    timeout=300.0,
    model=None,
):
    """Makes a version the stable one.

    The version gets the label `"stable"`, and the one that had it gets
    `"previous"`; both stay loaded, and the one that was `"previous"` is
    unloaded unless another label names it. Other labels and versions that
    the config lists are left alone.

    A server refuses a config that moves a label to a version which is not
    loaded yet. So the config is written twice: first with the version to
    load, then, when the server has it, with the labels. With `server` this
    function waits in between. Without, it returns after the first write, and
    `next_step` says how to go on.

    Clients have to ask for the label, as in `/v1/models/NAME/labels/stable`.
    A request without one goes to the newest version that is loaded: to a new
    one as soon as it is there, and to a bad one still after `rollback`.

    A config with another policy, as "the newest", is changed to one that
    lists its versions: new exports then wait until they are promoted.

    Args:
        base: Folder of the model.
        number: Number of the version.
        config: Path of the server's `models.config`; as for `versions`.
        server: `"host:8501"` or URL of the server's REST port, to wait until
            the version is `AVAILABLE` there.
        finish: Whether this is the second step, without `server`: the labels
            are moved, and the caller has seen that the version is there.
        timeout: Seconds to wait for the server.
        model: Name of the model in the config, if the folder does not tell.

    Returns:
        A `LabelChange`.

    Raises:
        ValueError: If the version is missing or incomplete, if the server
            cannot load it (the first write is then taken back), or if the
            config cannot be read or was changed in the meantime.
        TimeoutError: If the server does not have it in time. The first write
            stays; finish later.
        ConnectionError: If there is no server; nothing is changed.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> folder = tempfile.TemporaryDirectory()
    >>> for number in (1, 2):
    ...     model.export(f"{folder.name}/{number}", verbose=False)
    >>> change = kt.export.promote(folder.name, 1)
    >>> change = kt.export.promote(folder.name, 2)
    >>> change.stable, change.previous
    (2, 1)
    >>> folder.cleanup()
    """
    state = version_state.read(base, config, model)
    state.check_complete(number)
    if state.labels.get(STABLE) == number and number in state.served:
        return _change(state)
    # A label in a config tells that the server had the version before.
    is_known = number in state.labels.values() and number in state.served
    if finish and state.entry is not None and number not in state.served:
        raise invalid_argument(
            "finish",
            finish,
            "False: the server was not told to load the version",
            f"Promote version {number} without it first.",
        )
    seen = server_state.read(server, state.name, number) if server else None
    loading = state.with_loaded(number)
    if server:
        try:
            server_state.wait_until_available(
                server, state.name, number, seen, timeout
            )
        except ValueError:
            loading.take_back(state)
            raise
        # Other models of the config may have changed while we waited.
        loading = loading.read_again(config, model)
    elif not (finish or is_known or state.entry is None):
        return _change(loading, _next_step(base, number, config, model))
    return _change(loading.with_stable(number))


def rollback(base, config=None, server=None, *, timeout=300.0, model=None):
    """Makes the previous version the stable one again.

    The labels change places. Both versions stay loaded, so that this is one
    write, takes effect at once, and a second `rollback` undoes it.

    Args:
        base: Folder of the model.
        config: Path of the server's `models.config`; as for `versions`.
        server: `"host:8501"` or URL of the server's REST port, to make sure
            first that the previous version is `AVAILABLE` there.
        timeout: Seconds to wait for the server.
        model: Name of the model in the config, if the folder does not tell.

    Returns:
        A `LabelChange`.

    Raises:
        ValueError: If there is no previous version, or as for `promote`.
        TimeoutError: As for `promote`.
        ConnectionError: As for `promote`.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> folder = tempfile.TemporaryDirectory()
    >>> for number in (1, 2):
    ...     model.export(f"{folder.name}/{number}", verbose=False)
    >>> change = kt.export.promote(folder.name, 1)
    >>> change = kt.export.promote(folder.name, 2)
    >>> kt.export.rollback(folder.name).stable
    1
    >>> folder.cleanup()
    """
    state = version_state.read(base, config, model)
    if PREVIOUS not in state.labels:
        raise ValueError(
            f"No version of {state.base} has the label {PREVIOUS!r}, so there "
            "is nothing to roll back to. Promote the one that you want."
        )
    number = state.labels[PREVIOUS]
    return promote(base, number, config, server, timeout=timeout, model=model)


def prune(base, keep=3, config=None, model=None):
    """Removes old versions.

    The newest `keep` complete versions stay. Of the older ones those stay,
    too, that have a label or are loaded by the server. A version leaves
    under a hidden name in one step and is removed then, so that a server
    never sees a part of it. What earlier crashes left is removed as well.

    Where a `models.config` is in another place than `versions` looks for,
    give it: else the versions that it names are not known.

    Args:
        base: Folder of the model.
        keep: Number of versions to keep, at least 1.
        config: Path of the server's `models.config`; as for `versions`.
        model: Name of the model in it, if the folder does not tell.

    Returns:
        A `Pruned`.

    Raises:
        ValueError: If an argument is out of range, or as for `versions`.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> folder = tempfile.TemporaryDirectory()
    >>> for number in (1, 2, 3):
    ...     model.export(f"{folder.name}/{number}", verbose=False)
    >>> pruned = kt.export.prune(folder.name, keep=2)
    >>> [version.number for version in kt.export.versions(folder.name)]
    [2, 3]
    >>> folder.cleanup()
    """
    if not isinstance(keep, int) or isinstance(keep, bool) or keep < 1:
        raise invalid_argument("keep", keep, "a positive integer")
    state = version_state.read(base, config, model)
    complete = [
        number
        for number, path in state.folders.items()
        if version_folders.problem(path) is None
    ]
    kept = complete[-keep:]
    # What is newer than the last complete one is perhaps still being copied.
    last = max(kept, default=-1)
    cleaned = version_folders.clean(state.base)
    removed, refused = [], {}
    for number, path in state.folders.items():
        if number in kept or number > last:
            continue
        if reason := state.reason_to_keep(number):
            refused[number] = reason
        else:
            version_folders.remove(path)
            removed.append(number)
    return Pruned(tuple(removed), refused, tuple(cleaned))


def _change(state, next_step=""):
    return LabelChange(
        state.labels.get(STABLE),
        state.labels.get(PREVIOUS),
        state.served,
        is_finished=not next_step,
        next_step=next_step,
    )


def _next_step(base, number, config, model):
    words = ["keras-transfer", "versions", base, "promote", number]
    if config is not None:
        words += ["--config", config]
    if model is not None:
        words += ["--model", model]
    command = shlex.join([*map(str, words), "--finish"])
    return f"When the server shows version {number} as AVAILABLE: {command}"
