"""The files of a run, and how they are read back.

FOLDER/run.json          what was trained, with what, how long, how it ended
FOLDER/metrics.csv       one row for each epoch
FOLDER/tensorboard/      the same for TensorBoard
FOLDER/best.weights.h5   weights of the plain model, best epoch
FOLDER/last.weights.h5   likewise, last epoch
FOLDER/evidence.npz      what a report draws (`explain.record_evidence`)
"""

import csv
import dataclasses
import json
import pathlib
import shutil

from keras_transfer import _files

#: Of `run.json`; a reader refuses what is newer than it knows.
SCHEMA = 1

RUN = "run.json"
METRICS = "metrics.csv"
TENSORBOARD = "tensorboard"
BEST = "best.weights.h5"
LAST = "last.weights.h5"
EVIDENCE = "evidence.npz"
FILES = (RUN, METRICS, BEST, LAST, EVIDENCE)

#: Folders inside the folder of a command: `runs/quickstart/runs/dann`.
_DEEPEST = 3


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder that was read.

    Attributes:
        path: The folder.
        facts: Contents of `run.json`.
        history: Dict from a metric to its values, one for each epoch, `None`
            where it was not logged. `epoch` counts from 0.
    """

    path: pathlib.Path
    facts: dict
    history: dict

    @property
    def num_epochs(self):
        """How many epochs there are figures of."""
        return len(self.history.get("epoch", ()))


def write_facts(folder, facts):
    """Writes `run.json` whole."""
    text = json.dumps({"schema": SCHEMA, **facts}, indent=1, allow_nan=False)
    with _files.written_whole(pathlib.Path(folder, RUN)) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_facts(folder):
    """Contents of `run.json`; `None` if there is no such file.

    Raises:
        ValueError: If it cannot be read, or is of a newer version.
    """
    path = pathlib.Path(folder, RUN)
    try:
        facts = json.loads(path.read_text("utf-8"))
        schema = int(facts["schema"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not what RunLog writes ({error!r}). Remove the file, "
            "or give another folder."
        ) from error
    if schema > SCHEMA:
        raise ValueError(
            f"{path} has schema {schema}, and this keras_transfer reads up to "
            f"{SCHEMA}. Install the version that wrote it."
        )
    return facts


def write_rows(folder, rows):
    """Writes `metrics.csv` whole: columns in the order of their first value.

    Args:
        folder: The run folder.
        rows: List of dicts from a column to a number.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (
        _files.written_whole(pathlib.Path(folder, METRICS)) as partial,
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(folder):
    """Rows of `metrics.csv`, without empty cells; none without the file.

    Raises:
        ValueError: If it holds what is no number.
    """
    path = pathlib.Path(folder, METRICS)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [_numbers(row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is not what RunLog writes ({error}). Remove the file, or "
            "give another folder."
        ) from error


def read(folder):
    """Reads a run folder.

    Returns:
        A `Run`.

    Raises:
        ValueError: If the folder holds no run, or one that cannot be read.
    """
    folder = pathlib.Path(folder)
    facts = read_facts(folder)
    if facts is None:
        raise ValueError(
            f"There is no {RUN} in {str(folder)!r}. Expected a folder that "
            "callbacks.RunLog has written."
        )
    rows = read_rows(folder)
    names = dict.fromkeys(name for row in rows for name in row)
    history = {name: [row.get(name) for row in rows] for name in names}
    return Run(folder, facts, history)


def find(folder):
    """The run folders at or below a folder, oldest first.

    Raises:
        ValueError: If there is no such folder, or no run in it.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r}.")
    patterns = ("/".join([*["*"] * depth, RUN]) for depth in range(_DEEPEST))
    found = [path.parent for p in patterns for path in folder.glob(p)]
    if not found:
        raise ValueError(
            f"There is no run in {str(folder)!r}. Expected {RUN} in it or in "
            "a folder inside, as callbacks.RunLog, quickstart, adapt, "
            "finetune and run write it."
        )
    runs = [read(path) for path in found]
    return sorted(runs, key=_began)


def clear(folder):
    """Removes the files of an earlier run, and nothing else."""
    folder = pathlib.Path(folder)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)


def _numbers(row):
    values = {name: float(text) for name, text in row.items() if text}
    return {**values, "epoch": int(values["epoch"])}


def _began(run):
    return run.facts.get("timings", {}).get("started", ""), str(run.path)
