"""The TFDS builder of Office-Caltech's bags of words."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.office_caltech_surf import OfficeCaltechSurf  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class OfficeCaltechSurfTest(builder_case.BuilderCase):
    DATASET_CLASS = OfficeCaltechSurf
    SPLITS = {"train": 5}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(OfficeCaltechSurf, tmp_path)
