"""The TFDS builder of USPS."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.usps import Usps  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class UspsTest(builder_case.BuilderCase):
    DATASET_CLASS = Usps
    SPLITS = {"train": 5, "test": 3}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(Usps, tmp_path)


def test_tfds_refuses_another_file_than_the_known(tmp_path):
    builder_case.placed(Usps, tmp_path)
    builder = Usps(data_dir=tmp_path)
    with pytest.raises(ValueError, match="usps.bz2 is not the expected file"):
        builder.download_and_prepare()
