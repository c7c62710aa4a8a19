"""The TFDS builder of VisDA-2017."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.visda import CLASS_NAMES  # noqa: E402
from keras_transfer.data.builders.visda import Visda  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class VisdaTest(builder_case.BuilderCase):
    DATASET_CLASS = Visda
    SPLITS = {"train": 3}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(Visda, tmp_path)


def test_there_are_12_classes_in_order():
    assert len(set(CLASS_NAMES)) == 12
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)


def test_each_domain_wants_its_own_archive_only(tmp_path):
    for domain in ("train", "validation"):
        builder = Visda(data_dir=tmp_path, config=domain)
        assert [a.path for a in builder.archives] == [f"{domain}.tar"]
