"""Files that stand for the benchmarks."""

import pytest

from tests.cli.recipes import recipe_text


@pytest.fixture(scope="session")
def fake_data(tmp_path_factory):
    """Folder of small `.npz` files."""
    return recipe_text.write_data(tmp_path_factory.mktemp("data"))
