"""What every test has: a quiet TensorFlow, fixed seeds and no open figures."""

import os
import sys

# Before TensorFlow is imported, which reads it once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest

SEED = 1234


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Each test begins with the same random state and plain Keras names."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(SEED)
    yield
    keras.config.set_dtype_policy("float32")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


@pytest.fixture
def generator():
    """A NumPy generator that is the same in each test."""
    import numpy

    return numpy.random.default_rng(SEED)


def pytest_collection_modifyitems(items):
    """Off TensorFlow only the tests that promise every backend run."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return
    skip = pytest.mark.skip(reason=f"needs TensorFlow, not {backend}")
    for item in items:
        if item.get_closest_marker("any_backend") is None:
            item.add_marker(skip)
