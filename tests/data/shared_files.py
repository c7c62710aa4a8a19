"""The folder of real data; without a file of it tests are skipped."""

import pathlib

import pytest

FOLDER = pathlib.Path(__file__).parents[3] / "shared" / "data"


def folder_with(*names):
    """The folder, if it has the files."""
    for name in names:
        if not (FOLDER / name).exists():
            pytest.skip(f"no file {name} in {FOLDER}")
    return FOLDER
