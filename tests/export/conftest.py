"""Exports that several tests look at; those that change one take a copy."""

import shutil

import pytest

from tests.export import exported


@pytest.fixture(scope="session")
def flowers(tmp_path_factory):
    """The `Report` of an export with four signatures, `served/flowers/1`."""
    folder = tmp_path_factory.mktemp("export") / "served" / "flowers"
    return exported.export_flowers(folder)


@pytest.fixture
def copied(flowers, tmp_path):
    """A copy of `flowers`, to be changed."""
    return shutil.copytree(flowers, tmp_path / "flowers" / "1")
