"""The rows of a recipe, in memory."""

import pathlib
from typing import NamedTuple

import numpy as np

from keras_transfer import data

#: Comes with scikit-learn; both domains at once.
BUILT_IN = "digits_on_photos"


class Domains(NamedTuple):
    """What trains and what measures, each `(x, y)` or `None`.

    Attributes:
        source: Trains, with labels.
        source_test: Measures.
        target: Trains; its labels are for methods that say so.
        target_test: Measures.
        class_names: Of the labels, or `None`.
    """

    source: tuple | None
    source_test: tuple | None
    target: tuple | None
    target_test: tuple | None
    class_names: tuple | None

    @property
    def num_classes(self):
        """Number of classes of what has labels for training."""
        labels = (self.source or self.target)[1]
        return len(self.class_names or range(int(labels.max()) + 1))

    def drawn(self, settings, seed):
        """With as many labelled rows of a class as a recipe says.

        Args:
            settings: `Data` of the recipe.
            seed: Decides which.

        Returns:
            `Domains`.
        """
        if settings.per_class is None:
            return self
        labelled = "source" if self.source is not None else "target"
        rows = data.subset(
            *getattr(self, labelled), per_class=settings.per_class, seed=seed
        )
        return self._replace(**{labelled: rows})


def load(settings, folder=None, data_dir=None, tests=("source", "target")):
    """Loads what a recipe names.

    Args:
        settings: `Data` of the recipe.
        folder: Folder of `.npz` files, or `None`.
        data_dir: Where TensorFlow Datasets keeps its data.
        tests: Of which domains a test part is needed.

    Returns:
        `Domains`.

    Raises:
        ValueError: If there are no such data.
    """
    parts, names = {}, None
    for domain in ("source", "target"):
        name = getattr(settings, domain)
        if name is None:
            continue
        place = settings, folder, data_dir
        split = getattr(settings, f"{domain}_split")
        *parts[domain], names = _part(name, split, *place)
        if domain in tests and not (domain == "source" and settings.held_out):
            split = getattr(settings, f"{domain}_test")
            *parts[f"{domain}_test"], _ = _part(name, split, *place)
    rows = {key: tuple(value) for key, value in parts.items()}
    if settings.held_out is not None and "source" in tests:
        rows["source"], rows["source_test"] = _held_out(
            rows["source"], settings.held_out
        )
    return Domains(
        **dict.fromkeys(Domains._fields[:4]) | rows, class_names=names
    )


def _part(name, split, settings, folder, data_dir):
    """Rows, labels and class names of a split."""
    if name.partition("/")[0] == BUILT_IN:
        return *_built_in(name, split), None
    loaded = data.load(name, split=split, folder=folder, data_dir=data_dir)
    if settings.size is not None or settings.channels is not None:
        loaded = loaded.prepared(size=settings.size, channels=settings.channels)
    x, y = loaded.arrays()
    return x, y, loaded.class_names


def _built_in(name, split):
    key = f"{name.partition('/')[2]} {split}"
    fields = {
        "source train": "source",
        "source test": "source_test",
        "target train": "target",
        "target test": "target_test",
    }
    if key not in fields:
        raise ValueError(
            f"There is no split {split!r} of {name!r}. Expected "
            f"'{BUILT_IN}/source' or '{BUILT_IN}/target', and 'train' or "
            "'test'."
        )
    rows = getattr(data.digits_on_photos(), fields[key])
    # The target's training part has no labels.
    return rows if isinstance(rows, tuple) else (rows, None)


def _held_out(rows, share):
    """Splits every class in two; the same rows for every seed."""
    x, y = rows
    rng = np.random.default_rng(0)
    measured = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        of_class = rng.permutation(np.flatnonzero(y == label))
        measured[of_class[: max(1, round(share * len(of_class)))]] = True
    return (x[~measured], y[~measured]), (x[measured], y[measured])


def folder_of(settings, path, given=None):
    """The folder of `.npz` files: `--data`, or what the recipe says.

    Args:
        settings: `Data` of the recipe.
        path: The recipe's file, which a relative folder stands beside.
        given: What `--data` says.

    Returns:
        A `pathlib.Path`, or `None`.

    Raises:
        ValueError: If there is no such folder.
    """
    folder = given
    if folder is None and settings.folder is not None:
        folder = pathlib.Path(path).parent / settings.folder
    if folder is not None and not pathlib.Path(folder).is_dir():
        raise ValueError(f"There is no folder {folder} of data.")
    return folder
