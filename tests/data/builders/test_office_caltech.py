"""What the two builders of Office-Caltech have in common."""

import pytest

pytest.importorskip("tensorflow_datasets")

from keras_transfer.data import builders  # noqa: E402
from keras_transfer.data.benchmarks import OFFICE_CALTECH_CLASSES  # noqa: E402
from keras_transfer.data.builders.office_caltech import OfficeCaltech  # noqa: E402

EACH = pytest.mark.parametrize(
    ("builder", "shape", "dtype"),
    [
        (builders.OfficeCaltechSurf, (800,), "uint8"),
        (builders.OfficeCaltechGooglenet, (1024,), "float32"),
    ],
    ids=["surf", "googlenet"],
)


@EACH
def test_domains_classes_and_features(builder, shape, dtype, tmp_path):
    assert issubclass(builder, OfficeCaltech)
    domains = [config.name for config in builder.BUILDER_CONFIGS]
    assert domains == ["amazon", "caltech", "dslr", "webcam"]
    for domain in domains:
        made = builder(data_dir=tmp_path, config=domain)
        assert tuple(made.info.features["label"].names) == (
            OFFICE_CALTECH_CLASSES
        )
        assert made.info.features["features"].shape == shape
        assert made.info.features["features"].np_dtype.__name__ == dtype
        (archive,) = made.archives
        assert domain in archive.path.lower()
