"""Domains of features, scaled as the papers scale them, and a 1-NN."""

import pathlib
import sys

import numpy as np


def office_caltech(folder, domain, features="surf"):
    """Office-Caltech: rows divided by their sum, then z-scores of columns.

    Args:
        folder: Folder of the `.npz` files.
        domain: `amazon`, `caltech`, `dslr`, `webcam`.
        features: `surf` or `googlenet`.

    Returns:
        Pair of float64 rows and integer labels.
    """
    path = pathlib.Path(folder) / f"office_caltech_{features}_{domain}.npz"
    if not path.exists():
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: no file {path}")
    file = np.load(path)
    rows = file["x"].astype("float64")
    if features == "surf":
        rows /= np.maximum(rows.sum(axis=1, keepdims=True), 1.0)
    spread = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0)) / np.where(spread == 0, 1.0, spread)
    return rows, file["y"].astype("int64")


def pictures(folder, domain):
    """Rows of unit length from the file that has `x_DOMAIN` and `y_DOMAIN`."""
    folder = pathlib.Path(folder)
    for path in (
        *folder.glob("digits_sample_*.npz"),
        *folder.glob("coil*.npz"),
    ):
        file = np.load(path)
        if f"x_{domain}" in file:
            rows = unit_rows(file[f"x_{domain}"].astype("float64"))
            return rows, file[f"y_{domain}"].astype("int64")
    program = pathlib.Path(sys.argv[0]).name
    sys.exit(f"{program}: no file in {folder} with x_{domain}")


def unit_rows(rows):
    """Rows of length one; zeros stay zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def nearest_neighbour(source, source_labels, target, target_labels):
    """Accuracy in per cent of the 1-nearest-neighbour rule."""
    source, target = (np.asarray(rows, "float64") for rows in (source, target))
    squared = (source**2).sum(axis=1) - 2.0 * target @ source.T
    found = source_labels[squared.argmin(axis=1)]
    return round(100.0 * float(np.mean(found == target_labels)), 2)
