"""Python's session: the server's loader, behind Python's own checks."""

import sys

import numpy as np
import pytest

from keras_transfer.export import probes

pytestmark = pytest.mark.slow


def test_python_refuses_shapes_and_casts_dtypes(folder, call):
    # Why wrong inputs are tested through the C API.
    wrong_shape, wrong_dtype, text = probes.run(
        "graph_session",
        folder,
        [
            call("strict", {"x": np.ones((1, 5), "float32")}),
            call("strict", {"x": np.ones((1, 4), "float64")}),
            call("strict", {"x": [["a", "b", "c", "d"]]}),
        ],
    )
    assert wrong_shape.code == "ValueError"
    assert "Cannot feed value of shape (1, 5)" in wrong_shape.message
    assert wrong_dtype.outputs["mean"].dtype == "float32"
    assert text.code == "ValueError"


def test_xla_is_off(folder, call):
    if not sys.platform.startswith("linux"):
        pytest.skip("switched off through TensorFlow's library for Linux")
    x = np.ones((1, 4), "float32")
    (answer,) = probes.run(
        "graph_session", folder, [call("with_xla", {"x": x})]
    )
    assert "XLA compilation disabled" in answer.message
