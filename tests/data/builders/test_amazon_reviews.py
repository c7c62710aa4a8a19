"""The TFDS builder of Amazon reviews."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data.builders.amazon_reviews import AmazonReviews  # noqa: E402
from tests.data.builders import builder_case  # noqa: E402


class AmazonReviewsTest(builder_case.BuilderCase):
    DATASET_CLASS = AmazonReviews
    SPLITS = {"train": 4, "test": 3}


def test_tfds_load_reads_the_archive(tmp_path):
    builder_case.check_tfds_load(AmazonReviews, tmp_path)
