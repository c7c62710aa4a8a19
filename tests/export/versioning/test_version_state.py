"""Where labels are kept, and which config belongs to a folder."""

import pytest

from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning import version_folders
from keras_transfer.export.versioning import version_state
from tests.export.versioning.served_folders import write_config
from tests.export.versioning.served_folders import write_version


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "served" / "flowers"
    for number in (1, 2, 3):
        write_version(base, number)
    return base


def test_without_a_config_a_server_takes_the_newest(base):
    state = version_state.read(base)
    assert (state.labels, state.served, state.path) == ({}, (3,), None)
    assert state.name == "flowers"


def test_without_a_config_labels_stand_in_the_folder(base):
    version_folders.write_labels(base, {"stable": 2, "previous": 9})
    state = version_state.read(base)
    assert (state.labels, state.served) == ({"stable": 2}, (2,))


@pytest.mark.parametrize("place", ["served", "."])
def test_a_config_beside_the_folder_or_one_above_is_found(
    base, tmp_path, place
):
    config = tmp_path / place / "models.config"
    write_config(config, base, [1, 2], {"stable": 1})
    version_folders.write_labels(base, {"stable": 2})
    state = version_state.read(base)
    assert (state.path, state.served) == (config, (1, 2))
    assert state.labels == {"stable": 1}
    assert state.labels_of(1) == ("stable",)
    # What the folder says becomes the next config.
    assert state.reason_to_keep(2) == "labelled in labels.json"
    assert state.reason_to_keep(3) is None


def test_a_config_of_other_models_is_passed_over_unless_it_is_given(
    base, tmp_path
):
    other = tmp_path / "served" / "models.config"
    write_config(other, "/models/birds", [1], {})
    write_config(tmp_path / "models.config", base, [1], {}, name="public")
    assert version_state.read(base).name == "public"
    with pytest.raises(ValueError, match="It has /models/birds. Name the mod"):
        version_state.read(base, other)
    write_config(other, "/models/birds", [1], {}, name="birds")
    state = version_state.read(base, other, "birds")
    assert state.path == other


def test_a_given_config_must_be_there(base, tmp_path):
    with pytest.raises(FileNotFoundError):
        version_state.read(base, tmp_path / "none.config")
    with pytest.raises(ValueError, match="`config`.*a path of this machine"):
        version_state.read(base, "gs://bucket/models.config")


def test_reading_again_refuses_what_others_have_changed(base, tmp_path):
    config = write_config(tmp_path / "c", base, [1, 2], {"stable": 1})
    state = version_state.read(base, config)
    text = config.read_text()
    more = models_config.with_model(text, "other", "/models/o", [1], {})
    config.write_text(more)
    assert state.read_again(config, None).text == more
    config.write_text(
        models_config.with_versions(more, "flowers", [1, 2], {"stable": 2})
    )
    with pytest.raises(ValueError, match="changed by someone else"):
        state.read_again(config, None)


def test_taking_back_leaves_what_others_have_changed(base, tmp_path):
    config = write_config(tmp_path / "c", base, [1], {"stable": 1})
    before = version_state.read(base, config)
    old = config.read_bytes()
    loading = before.with_loaded(2)
    assert config.read_bytes() != old
    loading.take_back(before)
    assert config.read_bytes() == old
    loading = before.with_loaded(2)
    config.write_text(loading.text + "# theirs\n")
    loading.take_back(before)
    assert config.read_text().endswith("# theirs\n")
