"""Transferred networks compute what PyTorch computes.

Needs a Python with PyTorch: this one, or the interpreter that the environment
variable KERAS_TRANSFER_TORCH_PYTHON names. The tests beside this one cover the
same ground without it.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_transfer import zoo
from keras_transfer.finetune.checkpoints.read_weights import read_weights
from keras_transfer.finetune.transfer_weights import transfer_weights

SCRIPT = pathlib.Path(__file__).with_name("torch_reference.py")
TOLERANCE = 1e-4


def _torch_python():
    named = os.environ.get("KERAS_TRANSFER_TORCH_PYTHON")
    is_here = importlib.util.find_spec("torch") is not None
    return named or (sys.executable if is_here else None)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        _torch_python() is None,
        reason="torch is not installed, and KERAS_TRANSFER_TORCH_PYTHON names "
        "no interpreter that has it",
    ),
]


def _run(network, side, folder):
    run = subprocess.run(
        [_torch_python(), str(SCRIPT), network, str(side), str(folder)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def _reference(network, side, folder):
    _run(network, side, folder)
    return np.load(folder / "images.npy"), np.load(folder / "outputs.npy")


def _difference(model, images, expected):
    found = keras.ops.convert_to_numpy(model(images, training=False))
    assert expected.std() > 0.5
    return np.abs(found - expected).max()


# An odd number of pixels is where Keras' own padding would differ.
@pytest.mark.parametrize("side", [64, 75])
def test_resnet18(side, tmp_path):
    images, expected = _reference("resnet18", side, tmp_path)
    model = zoo.resnet18(
        input_shape=(side, side, 3), weights=tmp_path / "weights.pt"
    )
    assert _difference(model, images, expected) < TOLERANCE
    legacy = zoo.resnet18(
        input_shape=(side, side, 3), weights=tmp_path / "legacy.pt"
    )
    assert _difference(legacy, images, expected) < TOLERANCE


def test_resnet50(tmp_path):
    images, expected = _reference("resnet50", 64, tmp_path)
    model = zoo.resnet50(
        input_shape=(64, 64, 3), weights=tmp_path / "weights.pt"
    )
    assert _difference(model, images, expected) < TOLERANCE


def test_vgg16(tmp_path):
    images, expected = _reference("vgg16", 64, tmp_path)
    model = keras.applications.VGG16(
        weights=None, input_shape=(64, 64, 3), classifier_activation=None
    )
    report = transfer_weights(tmp_path / "weights.pt", model, verbose=False)
    assert report.is_complete and report.method == "shape and order"
    assert _difference(model, images, expected) < TOLERANCE


def test_tensors_of_all_kinds(tmp_path):
    _run("tensors", 0, tmp_path)
    expected = np.load(tmp_path / "tensors.npz")
    zipped = read_weights(tmp_path / "weights.pt")
    legacy = read_weights(tmp_path / "legacy.pt")
    assert list(zipped) == expected.files
    assert list(legacy) == [name for name in expected if name != "uint16"]
    for weights in (zipped, legacy):
        for name, array in weights.items():
            np.testing.assert_array_equal(array, expected[name])
            assert array.dtype == expected[name].dtype


def test_a_whole_network_is_refused_by_name(tmp_path):
    _run("tensors", 0, tmp_path)
    with pytest.raises(ValueError, match="'torch.nn.modules.container.Seq"):
        read_weights(tmp_path / "network.pt")
