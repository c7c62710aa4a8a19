"""The TFDS builder of Office-31."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.office31 import CLASS_NAMES  # noqa: E402
from keras_transfer.data.builders.office31 import Office31  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class Office31Test(builder_case.BuilderCase):
    DATASET_CLASS = Office31
    SPLITS = {"train": 3}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(Office31, tmp_path)


def test_there_are_31_classes_in_order():
    assert len(set(CLASS_NAMES)) == 31
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)
