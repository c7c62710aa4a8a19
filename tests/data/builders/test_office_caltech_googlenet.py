"""The TFDS builder of Office-Caltech's features."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.office_caltech_googlenet import (
    OfficeCaltechGooglenet,
)  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class OfficeCaltechGooglenetTest(builder_case.BuilderCase):
    DATASET_CLASS = OfficeCaltechGooglenet
    SPLITS = {"train": 5}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(OfficeCaltechGooglenet, tmp_path)
