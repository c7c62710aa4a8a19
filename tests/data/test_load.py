"""Benchmarks by name, from files and through TFDS."""

import subprocess
import sys

import numpy as np
import pytest

import keras_transfer as kt
from tests.data import shared_files

load = kt.data.load

#: Name, split, rows, shape, dtype, classes; files.
REAL = [
    ("mnist", "train", 60000, (28, 28, 1), "uint8", 10, "digits_mnist"),
    ("mnist", "test", 10000, (28, 28, 1), "uint8", 10, "digits_mnist"),
    ("usps", "train", 7291, (16, 16, 1), "uint8", 10, "digits_usps"),
    ("usps", "test", 2007, (16, 16, 1), "uint8", 10, "digits_usps"),
    ("mnist_m", "train", 10000, (28, 28, 3), "uint8", 10, "digits_mnistm"),
    ("mnist_m", "test", 5000, (28, 28, 3), "uint8", 10, "digits_mnistm"),
    (
        "omniglot",
        "train",
        19280,
        (28, 28, 1),
        "uint8",
        964,
        "omniglot_background",
    ),
    *[
        (f"amazon_reviews/{domain}", split, rows, (5000,), "float32", 2, file)
        for domain, split, rows in (
            ("books", "train", 2000),
            ("books", "test", 4465),
            ("dvd", "train", 2000),
            ("dvd", "test", 3586),
        )
        for file in [f"amazon_reviews_{domain}"]
    ],
    *[
        (f"{name}/{domain}", "train", rows, (width,), dtype, 10, file)
        for name, domain, rows, width, dtype in (
            ("office_caltech_surf", "amazon", 958, 800, "uint8"),
            ("office_caltech_surf", "caltech", 1123, 800, "uint8"),
            ("office_caltech_googlenet", "amazon", 958, 1024, "float32"),
        )
        for file in [f"{name}_{domain}"]
    ],
]


@pytest.mark.parametrize(
    "name, split, rows, shape, dtype, classes, file",
    REAL,
    ids=[f"{name}-{split}" for name, split, *_ in REAL],
)
def test_real_files(name, split, rows, shape, dtype, classes, file):
    folder = shared_files.folder_with(f"{file}.npz")
    domain = load(name, split, folder=folder)
    if name == "mnist" and split == "train":
        shared_files.folder_with("digits_mnist_rest.npz")
    assert (domain.name, domain.split) == (name, split)
    assert (len(domain), domain.shape) == (rows, shape)
    assert (domain.dtype, len(domain.class_names)) == (dtype, classes)
    labels = domain.labels()
    assert labels.dtype == "int64" and set(labels) == set(range(classes))
    # Ink is bright and there is little of it.
    if name in ("mnist", "usps", "omniglot"):
        x, _ = domain.arrays()
        assert x.max() == 255 and x.mean() < 90


def test_names_of_classes_are_those_of_the_rows():
    folder = shared_files.folder_with(
        "omniglot_background.npz", "office_caltech_surf_amazon.npz"
    )
    omniglot = load("omniglot", folder=folder)
    file = np.load(folder / "omniglot_background.npz")
    first = f"{file['alphabet'][0]}/{file['character'][0]}"
    assert omniglot.named_labels()[0] == first
    surf = load("office_caltech_surf/amazon", folder=folder)
    file = np.load(folder / "office_caltech_surf_amazon.npz")
    assert surf.class_names == tuple(file["class_name"].tolist())


def test_two_digits_fit_one_model():
    folder = shared_files.folder_with("digits_usps.npz", "digits_mnistm.npz")
    source, target = (
        load(name, folder=folder)
        .subset(classes=["3", "8"], per_class=20)
        .prepared(size=28, channels=3)
        for name in ("usps", "mnist_m")
    )
    pairs = kt.data.pair_domains(source, target, batch_size=8)
    x, y = next(iter(pairs))
    assert x["source"].shape == x["target"].shape == (8, 28, 28, 3)
    assert set(y.numpy()) <= {3, 8}


def test_the_second_file_of_mnist_may_be_missing(tmp_path):
    x, y = np.zeros((4, 28, 28), "uint8"), np.arange(4)
    np.savez(tmp_path / "digits_mnist.npz", x_train=x, y_train=y)
    assert len(load("mnist", folder=tmp_path)) == 4
    np.savez(tmp_path / "digits_mnist_rest.npz", x_train=x[:3], y_train=y[:3])
    assert len(load("mnist", folder=tmp_path)) == 7


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (("mnits",), ValueError, "Did you mean 'mnist'"),
        (
            ("usps", "val"),
            ValueError,
            "`split`. Expected one of 'train', 'test'",
        ),
        (("svhn", "train", "."), ValueError, "'svhn' has no .npz files"),
        (("usps", "train", "."), FileNotFoundError, "No file digits_usps.npz"),
        (("usps", "train", "no"), FileNotFoundError, "No folder 'no'"),
        (("usps", "train", ".", "."), ValueError, "Give one"),
    ],
    ids=["name", "split", "no_files", "no_file", "no_folder", "both"],
)
def test_what_is_refused(arguments, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        load(*arguments)


def test_omniglot_files_hold_no_test_part(tmp_path):
    np.savez(tmp_path / "omniglot_background.npz")
    with pytest.raises(ValueError, match="hold no test characters"):
        load("omniglot", "test", folder=tmp_path)


def test_a_missing_extra_says_how_to_get_it():
    code = (
        "import sys; sys.modules['tensorflow_datasets'] = None\n"
        "import keras_transfer as kt\n"
        "try: kt.data.load('usps')\n"
        "except ImportError as error: sys.exit(str(error))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert 'pip install "keras-transfer[datasets]"' in run.stderr
