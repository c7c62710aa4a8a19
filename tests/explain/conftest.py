"""What several tests of explain look at."""

import pytest

from tests.explain.reporting import small_runs


@pytest.fixture(scope="session")
def quick_root(tmp_path_factory):
    """A folder of two runs with evidence, made once."""
    return small_runs.write(tmp_path_factory.mktemp("quick"))
