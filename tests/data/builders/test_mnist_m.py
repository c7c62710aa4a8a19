"""The TFDS builder of MNIST-M."""

import io
import tarfile
from unittest import mock

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.mnist_m import MnistM  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class MnistMTest(builder_case.BuilderCase):
    DATASET_CLASS = MnistM
    SPLITS = {"train": 4, "test": 2}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(MnistM, tmp_path)


def test_an_archive_without_lists_of_labels_is_refused(tmp_path):
    with tarfile.open(tmp_path / "mnist_m.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("mnist_m/mnist_m_train/0.png"))
    manager = mock.Mock()
    manager.iter_archive = lambda path: iter([("a/b.png", io.BytesIO())])
    examples = MnistM(data_dir=tmp_path)._generate_examples(
        manager, tmp_path / "mnist_m.tar.gz", "mnist_m_train"
    )
    with pytest.raises(ValueError, match="no file mnist_m_train_labels.txt"):
        next(examples)
