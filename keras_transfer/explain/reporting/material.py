"""What there is to report on, read from the folders."""

import collections
import dataclasses
import json
import pathlib

from keras_transfer._public import invalid_argument
from keras_transfer.callbacks import run_folder
from keras_transfer.explain import evidence
from keras_transfer.explain.reporting import words
from keras_transfer.export import model_card

RESULTS = "results.json"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A run with the name it has in the report.

    Attributes:
        name: As short as is unambiguous.
        run: A `run_folder.Run`.
        evidence: An `Evidence`, or `None`.
    """

    name: str
    run: run_folder.Run
    evidence: evidence.Evidence | None

    @property
    def facts(self):
        """Contents of `run.json`."""
        return self.run.facts


@dataclasses.dataclass(frozen=True)
class Material:
    """Everything that was found.

    Attributes:
        name: Of the whole.
        entries: Tuple of `Entry`, in the order the runs began.
        results: Contents of the `results.json` beside the runs, a tuple of
            dicts.
        exports: Dict from a version's folder, as text, to its model card.
    """

    name: str
    entries: tuple
    results: tuple
    exports: dict


def gather(folders):
    """Reads run folders, or folders that hold some.

    Args:
        folders: List of paths.

    Returns:
        A `Material`.

    Raises:
        ValueError: If a folder holds no run, or a file cannot be read.
    """
    folders = [pathlib.Path(folder) for folder in folders]
    if not folders:
        raise invalid_argument("runs", [], "at least one folder")
    found = {}
    for folder in folders:
        for run in run_folder.find(folder):
            found.setdefault(run.path.resolve(), run)
    runs = list(found.values())
    names = _names([run.path for run in runs])
    entries = [
        Entry(name, run, evidence.read(run.path))
        for name, run in zip(names, runs, strict=True)
    ]
    places = _places_of_results(folders, runs)
    results = [found for p in places if (found := _results(p)) is not None]
    exports = {}
    for folder in folders:
        exports |= _exports(folder)
    names = dict.fromkeys(folder.resolve().name for folder in folders)
    return Material(
        words.listed(names), tuple(entries), tuple(results), exports
    )


def _names(paths):
    """The shortest ends of the paths that tell them apart."""
    ends = [path.resolve().parts for path in paths]
    depth = 1
    names = ["/".join(parts[-depth:]) for parts in ends]
    while len(set(names)) < len(names):
        depth += 1
        counts = collections.Counter(names)
        names = [
            "/".join(parts[-depth:]) if counts[name] > 1 else name
            for name, parts in zip(names, ends, strict=True)
        ]
    return names


def _places_of_results(folders, runs):
    """The folders given, and those between them and their runs."""
    places = [folder.resolve() for folder in folders]
    for run in runs:
        path = run.path.resolve()
        if not any(folder in path.parents for folder in places):
            continue
        for parent in path.parents:
            if parent in places:
                break
            places.append(parent)
    return places


def _results(folder):
    path = folder / RESULTS
    try:
        results = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(
            f"{path} is no JSON ({error}). Remove the file, or run again."
        ) from error
    return results if isinstance(results, dict) else None


def _exports(folder):
    """Cards of the newest version of each model below a folder."""
    newest = {}
    for path in sorted(folder.glob(f"**/[0-9]*/{model_card.CARD}")):
        version = path.parents[1]
        if not version.name.isdigit():
            continue
        known = newest.get(version.parent)
        if known is None or int(known.name) < int(version.name):
            newest[version.parent] = version
    return {
        version.relative_to(folder).as_posix(): card
        for version in newest.values()
        if (card := model_card.read(version))
    }
