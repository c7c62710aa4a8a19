"""Real features for tests; without the folder they are skipped."""

import pathlib

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[3] / "shared" / "data"


def surf(domain):
    """Office-Caltech's bags of words, scaled as in the papers.

    Returns:
        Pair of float64 rows `(n, 800)`, and labels from 0 to 9.
    """
    path = FOLDER / f"office_caltech_surf_{domain}.npz"
    if not path.exists():
        pytest.skip(f"no file {path.name} in {FOLDER}")
    file = np.load(path)
    rows = file["x"].astype("float64")
    rows /= rows.sum(axis=1, keepdims=True)
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread == 0, 1.0, spread)
    return rows, file["y"].astype("int64")


def nearest_neighbour_accuracy(source, source_labels, target, target_labels):
    """Per cent of the target's rows that their nearest source row labels."""
    source, target = (np.asarray(rows, "float64") for rows in (source, target))
    squared = (source**2).sum(1) - 2.0 * target @ source.T
    return 100.0 * np.mean(source_labels[squared.argmin(1)] == target_labels)
