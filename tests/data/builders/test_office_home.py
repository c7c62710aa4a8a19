"""The TFDS builder of Office-Home."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.office_home import CLASS_NAMES  # noqa: E402
from keras_transfer.data.builders.office_home import OfficeHome  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class OfficeHomeTest(builder_case.BuilderCase):
    DATASET_CLASS = OfficeHome
    SPLITS = {"train": 3}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(OfficeHome, tmp_path)


def test_there_are_65_classes_in_order():
    assert len(set(CLASS_NAMES)) == 65
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)
