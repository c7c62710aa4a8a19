"""What the builders of this package have in common."""

import pytest

tfds = pytest.importorskip("tensorflow_datasets")

from keras_transfer.data import builders  # noqa: E402
from keras_transfer.data.builders.manual_builder import ManualBuilder  # noqa: E402
from keras_transfer.data.builders.manual_builder import configs  # noqa: E402

OWN = [
    builder
    for builder in vars(builders).values()
    if isinstance(builder, type) and builder is not ManualBuilder
]
EACH = pytest.mark.parametrize("builder", OWN, ids=lambda own: own.__name__)


def test_all_are_here():
    assert len(OWN) == 8


@EACH
def test_names_are_ours_and_registered(builder, tmp_path):
    assert builder.name.startswith("keras_transfer_")
    assert tfds.builder_cls(builder.name) is builder
    assert builder.name in tfds.list_builders()


@EACH
def test_every_config_says_what_it_wants(builder, tmp_path):
    names = [config.name for config in builder.BUILDER_CONFIGS] or [None]
    for name in names:
        made = builder(data_dir=tmp_path, config=name)
        text = made.MANUAL_DOWNLOAD_INSTRUCTIONS
        for archive in made.archives:
            assert f"{archive.path} from https://" in text or (
                f"{archive.path} from http://" in text
            )
        with pytest.raises(FileNotFoundError, match="nothing is downloaded"):
            made.check_archives(tmp_path)


@EACH
def test_info_is_complete(builder, tmp_path):
    info = builder(data_dir=tmp_path).info
    assert info.homepage.startswith("http")
    assert info.citation.startswith("@") and info.description
    x, y = info.supervised_keys
    assert set(info.features) == {x, y} and y == "label"


def test_the_base_is_no_dataset():
    assert "manual_builder" not in tfds.list_builders()
    with pytest.raises(TypeError, match="abstract"):
        ManualBuilder()


def test_configs():
    made = configs(["a", "b"])
    assert [config.name for config in made] == ["a", "b"]
    assert made[0].description == "Domain a."
