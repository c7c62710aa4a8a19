"""What is served and labelled, in the server's config or in the folder."""

import dataclasses
import pathlib

from keras_transfer._public import invalid_argument
from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning import version_folders

#: Label of the version that clients should ask for.
STABLE = "stable"
#: Label of the version that was stable before; it stays loaded.
PREVIOUS = "previous"

#: Name of the config that is looked for beside the folder and one above.
CONFIG_FILE = "models.config"


@dataclasses.dataclass(frozen=True)
class VersionState:
    """A folder of versions with its labels; every change is a new one.

    Attributes:
        base: The folder.
        folders: Dict from number to path.
        labels: Dict from label to number.
        served: Sorted tuple of the versions that a server keeps loaded.
        path: Path of the config, or `None` if the folder has none.
        text: Contents of the config.
        entry: The `models_config.Entry` of the folder.
    """

    base: pathlib.Path
    folders: dict
    labels: dict
    served: tuple
    path: pathlib.Path | None = None
    text: str | None = None
    entry: models_config.Entry | None = None

    @property
    def name(self):
        """Name of the model that clients use."""
        return self.base.name if self.entry is None else self.entry.name

    def labels_of(self, number):
        """Sorted tuple of the labels of a version."""
        return tuple(sorted(k for k, v in self.labels.items() if v == number))

    def check_complete(self, number):
        """Refuses a version that a server could not load."""
        if number not in self.folders:
            there = ", ".join(map(str, self.folders)) or "none"
            raise invalid_argument(
                "number", number, f"a version in {self.base} ({there})"
            )
        if problem := version_folders.problem(self.folders[number]):
            hint = f"In {self.folders[number]} {problem}: export it again."
            raise invalid_argument("number", number, "a complete version", hint)

    def reason_to_keep(self, number):
        """Why a version must not be removed, or `None`."""
        if labels := self.labels_of(number):
            return f"labelled {', '.join(labels)}"
        # These become the labels of the next config.
        if number in version_folders.read_labels(self.base).values():
            return f"labelled in {version_folders.LABELS_FILE}"
        if number in self.served:
            return "served" if self.path is None else f"served by {self.path}"
        return None

    def with_loaded(self, number):
        """First step: the server is told to load the version."""
        if self.entry is None or number in self.served:
            return self
        served = {*self.served, *self.labels.values(), number}
        return self._write(served, self.labels)

    def take_back(self, before):
        """Undoes the first step, unless others have changed the file."""
        if self.text == before.text:
            return
        if self.path.read_bytes() == self.text.encode("utf-8"):
            models_config.replace(self.path, self.text, before.text)

    def read_again(self, config, model):
        """What the config says now.

        Raises:
            ValueError: If someone else has changed this model.
        """
        now = read(self.base, config, model)
        if (now.labels, now.served) != (self.labels, self.served):
            raise ValueError(
                f"The versions of {self.base} were changed by someone else in "
                "the meantime, and no label was moved: look at the list and "
                "run the command again."
            )
        return now

    def with_stable(self, number):
        """Second step: the labels move."""
        old = self.labels.get(PREVIOUS)
        others = [n for n in self.served if n != number]
        former = self.labels.get(STABLE, max(others, default=None))
        labels = {STABLE: number}
        if former in self.folders:
            labels[PREVIOUS] = former
        for label, version in self.labels.items():
            if label not in (STABLE, PREVIOUS):
                labels[label] = version
        served = {*self.served, *labels.values()}
        if old not in labels.values():
            served.discard(old)
        return self._write(served, labels)

    def _write(self, served, labels):
        if self.entry is None:
            version_folders.write_labels(self.base, labels)
            served = set(labels.values())
        served = tuple(sorted(served & {*self.folders}))
        text = self.text
        if self.entry is not None:
            text = models_config.with_versions(text, self.name, served, labels)
            models_config.replace(self.path, self.text, text)
        return dataclasses.replace(
            self, labels=labels, served=served, text=text
        )


def read(base, config=None, model=None):
    """Reads the state of a folder.

    Args:
        base: Folder of the versions.
        config: Path of the config, or `None` to look for it.
        model: Name of the model in it, or `None` to tell by the folder.

    Returns:
        A `VersionState`.

    Raises:
        ValueError: If something cannot be read, or the given config does not
            name the folder.
    """
    base = version_folders.local_folder("base", base)
    folders = version_folders.find(base)
    path, text, entry = _find_config(base, config, model)
    if entry is not None:
        served = tuple(entry.loaded(folders))
        labels = entry.labels
        return VersionState(base, folders, labels, served, path, text, entry)
    labels = {
        label: number
        for label, number in version_folders.read_labels(base).items()
        if number in folders
    }
    # Without a config a server takes the newest.
    served = set(labels.values()) or set([*folders][-1:])
    return VersionState(base, folders, labels, tuple(sorted(served)))


def _find_config(base, config, model):
    """Path, text and entry of the config that names the folder, or `None`s."""
    places = [base.parent / CONFIG_FILE, base.parent.parent / CONFIG_FILE]
    if config is not None:
        places = [version_folders.local_path("config", config)]
    for path in places:
        if config is None and not path.is_file():
            continue
        text, entries = models_config.load(path)
        entry = models_config.entry_for(base, path, entries, model)
        if entry is not None:
            return path, text, entry
        if config is not None:
            names = ", ".join(entry.base_path for entry in entries) or "none"
            raise invalid_argument(
                "config",
                str(config),
                f"a config with the base path {base}",
                f"It has {names}. Name the model with model=, on the command "
                "line --model, or add it with keras-transfer serve-config.",
            )
    return None, None, None
