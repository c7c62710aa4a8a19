"""Rows that TFDS prepared."""

import pathlib
import struct
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")

import keras_transfer as kt  # noqa: E402
from tests.data import shared_files  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402

#: Name, builder, and what a row is.
OWN = [
    ("usps", "Usps", (16, 16, 1), "uint8"),
    ("mnist_m", "MnistM", (32, 32, 3), "uint8"),
    ("office31/dslr", "Office31", (None, None, 3), "uint8"),
    ("office_home/real_world", "OfficeHome", (None, None, 3), "uint8"),
    ("visda/validation", "Visda", (None, None, 3), "uint8"),
    ("amazon_reviews/kitchen", "AmazonReviews", (5000,), "float32"),
    ("office_caltech_surf/caltech", "OfficeCaltechSurf", (800,), "uint8"),
    (
        "office_caltech_googlenet/webcam",
        "OfficeCaltechGooglenet",
        (1024,),
        "float32",
    ),
]


def _sorted_rows(x, y):
    """Rows in an order of their own: TFDS shuffles when it writes."""
    rows = np.concatenate([x.reshape(len(x), -1), y[:, None]], axis=1)
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize(
    "name, builder, shape, dtype", OWN, ids=[name for name, *_ in OWN]
)
def test_own_builders_by_name(name, builder, shape, dtype, tmp_path):
    from keras_transfer.data import builders

    builder_class = getattr(builders, builder)
    expected = builder_case.placed(builder_class, tmp_path)
    expected = expected[name.partition("/")[2]]
    manual = tmp_path / "downloads" / "manual"
    for split, rows in expected.items():
        with builder_case.known_archives(builder_class, manual):
            domain = kt.data.load(name, split, data_dir=tmp_path)
        assert len(domain) == len(rows)
        assert (domain.shape, domain.dtype) == (shape, dtype)
        found = list(domain.dataset)
        assert builder_case.counted(
            [(x.numpy(), y) for x, y in found]
        ) == builder_case.counted(rows)
        assert domain.labels().tolist() == [int(y) for _, y in found]
        if shape[0] is None:
            assert domain.prepared(8).arrays()[0].shape == (len(rows), 8, 8, 3)
        classes = domain.class_names
        assert len(classes) > max(label for _, label in rows)


# === MNIST through TFDS' own builder ===


def _write_idx(path, array):
    """The format of MNIST's own files."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(head + array.tobytes())


def _prepare_mnist(folder, parts):
    """A folder that TFDS prepared, without its downloading anything."""
    from tensorflow_datasets.image_classification import mnist

    paths = {}
    for split, (x, y) in parts.items():
        for kind, array in (("data", x[..., 0]), ("labels", y)):
            paths[f"{split}_{kind}"] = folder / f"{split}_{kind}"
            _write_idx(paths[f"{split}_{kind}"], array.astype("uint8"))
    with (
        mock.patch.object(
            tfds.download.DownloadManager,
            "download_and_extract",
            return_value=paths,
        ),
        mock.patch.object(mnist, "_TRAIN_EXAMPLES", len(parts["train"][0])),
        mock.patch.object(mnist, "_TEST_EXAMPLES", len(parts["test"][0])),
    ):
        tfds.builder("mnist", data_dir=folder).download_and_prepare()


def test_mnist_of_tfds_is_mnist_of_the_files(tmp_path):
    folder = shared_files.folder_with("digits_mnist.npz")
    # A part of the rows: all 70,000 take a minute, and are the same.
    parts = {
        split: [column[:count] for column in domain.arrays()]
        for split, count in (("train", 2500), ("test", 1500))
        for domain in [kt.data.load("mnist", split, folder=folder)]
    }
    _prepare_mnist(tmp_path, parts)
    for split, (x, y) in parts.items():
        domain = kt.data.load("mnist", split, data_dir=tmp_path)
        assert domain.shape == (28, 28, 1) and domain.dtype == "uint8"
        assert domain.class_names == tuple("0123456789")
        found = _sorted_rows(*domain.arrays())
        np.testing.assert_array_equal(found, _sorted_rows(x, y))


# === What is missing ===


def test_a_missing_archive_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        kt.data.load("office31/amazon", data_dir=tmp_path)
    message = str(error.value)
    assert "No file domain_adaptation_images.tar.gz. Get it from" in message
    place = tmp_path / "downloads" / "manual"
    assert str(place / "domain_adaptation_images.tar.gz") in message
    assert "nothing is downloaded for you" in message


def test_the_second_archive_may_be_missing(tmp_path):
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "books_train.svmlight").write_text("1 0:1\n")
    with pytest.raises(FileNotFoundError, match="No file books_test.svmlight"):
        kt.data.load("amazon_reviews/books", data_dir=tmp_path)


def test_without_a_network_the_error_says_what_to_do(tmp_path):
    with (
        mock.patch.object(
            tfds.download.DownloadManager,
            "download_and_extract",
            side_effect=ConnectionError("no network"),
        ),
        pytest.raises(OSError, match="could not prepare 'mnist'.*`folder`"),
    ):
        kt.data.load("mnist", data_dir=tmp_path)


def test_omniglot_has_bright_ink():
    from keras_transfer.data.benchmarks import BENCHMARKS

    page = np.full((2, 105, 105, 3), 255, "uint8")
    page[:, 10] = 0
    ink = BENCHMARKS["omniglot"].convert(page)
    assert ink.shape == (2, 105, 105, 1)
    assert (ink[:, 10] == 255).all() and ink[:, 11:].max() == 0


# === Memory ===

STREAM = """
import io, pathlib, resource, sys, tarfile
import numpy as np
from PIL import Image
import keras_transfer as kt

folder, rows, side = pathlib.Path(sys.argv[1]), 96, 1600
manual = folder / "downloads" / "manual"
manual.mkdir(parents=True)
with tarfile.open(manual / "validation.tar", "w") as archive:
    for row in range(rows):
        file = io.BytesIO()
        pixels = np.full((side, side, 3), row, "uint8")
        Image.fromarray(pixels).save(file, "png", compress_level=1)
        name = ("bus", "car")[row % 2]
        member = tarfile.TarInfo(f"validation/{name}/{row}.png")
        member.size = len(file.getvalue())
        archive.addfile(member, io.BytesIO(file.getvalue()))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(domain):
    domain = domain.prepared(32)
    batches = [x for x, _ in domain.batches(8, seed=0)]
    pairs = list(kt.data.pair_domains(domain, domain, batch_size=8))
    assert sum(len(x) for x in batches) == len(domain) == 8 * len(pairs)


domain = kt.data.load("visda/validation", data_dir=folder)
# What TensorFlow itself and a few images take.
run(domain.subset(per_class=12))
before = peak()
run(domain)
print(peak() - before, rows * side * side * 3 / 2**20, file=sys.stderr)
"""


@pytest.mark.slow
def test_memory_stays_flat(tmp_path):
    root = pathlib.Path(kt.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", STREAM, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=root,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    growth, decoded = map(float, run.stderr.split()[-2:])
    # MiB: 700 of decoded images pass by, three times.
    assert decoded > 700 and growth < 0.25 * decoded
