"""The rows of a recipe."""

import numpy as np
import pytest

from keras_transfer import data
from keras_transfer.cli.recipes import domains
from keras_transfer.cli.recipes.recipe import Data

BUILT_IN = Data("digits_on_photos/source", "digits_on_photos/target")


def test_what_comes_with_scikit_learn():
    rows = domains.load(BUILT_IN)
    expected = data.digits_on_photos()
    np.testing.assert_array_equal(rows.source[0], expected.source[0])
    np.testing.assert_array_equal(rows.source_test[1], expected.source_test[1])
    np.testing.assert_array_equal(rows.target[0], expected.target)
    assert rows.target[1] is None, "its labels are for the test alone"
    np.testing.assert_array_equal(rows.target_test[0], expected.target_test[0])
    assert rows.num_classes == 10


@pytest.mark.parametrize(
    "settings",
    [
        Data(source="digits_on_photos/sauce"),
        Data(source="digits_on_photos"),
        Data(source="digits_on_photos/source", source_split="validation"),
    ],
    ids=["domain", "none", "split"],
)
def test_unknown_parts_of_it(settings):
    with pytest.raises(ValueError, match="Expected 'digits_on_photos/source'"):
        domains.load(settings)


def test_files_by_name(fake_data):
    settings = Data(source="usps", size=28, channels=3)
    rows = domains.load(settings, fake_data)
    assert rows.source[0].shape == (300, 28, 28, 3)
    assert rows.source_test[0].shape == (50, 28, 28, 3)
    assert rows.target is rows.target_test is None
    assert rows.class_names == tuple("0123456789")


def test_only_tests_that_measure_are_loaded(fake_data):
    # There is no test part of these, and none is asked for.
    settings = Data("office_caltech_surf/amazon", "office_caltech_surf/caltech")
    rows = domains.load(settings, fake_data, tests=())
    assert rows.source_test is rows.target_test is None
    with pytest.raises(ValueError, match="test"):
        domains.load(settings, fake_data)


def test_a_share_of_every_class_is_held_out(fake_data):
    settings = Data(source="usps", held_out=0.2)
    rows = domains.load(settings, fake_data)
    assert np.bincount(rows.source[1]).tolist() == [24] * 10
    assert np.bincount(rows.source_test[1]).tolist() == [6] * 10
    together = np.concatenate([rows.source[0], rows.source_test[0]])
    everything = domains.load(Data(source="usps"), fake_data).source[0]
    assert (
        np.sort(together, None).tolist() == np.sort(everything, None).tolist()
    )
    # The same for every seed: it is drawn once.
    again = domains.load(settings, fake_data)
    np.testing.assert_array_equal(again.source[0], rows.source[0])


def test_a_few_rows_of_a_class_by_seed(fake_data):
    settings = Data(target="usps", per_class=4)
    rows = domains.load(settings, fake_data, tests=("target",))
    first, second = (rows.drawn(settings, seed) for seed in (0, 1))
    assert np.bincount(first.target[1]).tolist() == [4] * 10
    assert (first.target[0] != second.target[0]).any()
    np.testing.assert_array_equal(
        rows.drawn(settings, 0).target[0], first.target[0]
    )
    assert first.target_test is rows.target_test
    # With a source, that is what has labels.
    both = Data(source="usps", target="usps", per_class=4)
    rows = domains.load(both, fake_data).drawn(both, 0)
    assert len(rows.source[0]) == 40 and len(rows.target[0]) == 300
    assert rows.drawn(Data(source="usps"), 0) is rows


def test_the_folder_of_the_data(tmp_path):
    recipe = tmp_path / "a.toml"
    (tmp_path / "beside").mkdir()
    settings = Data(folder="beside")
    assert domains.folder_of(Data(), recipe) is None
    assert domains.folder_of(settings, recipe) == tmp_path / "beside"
    assert domains.folder_of(settings, recipe, tmp_path) == tmp_path
    with pytest.raises(ValueError, match="There is no folder .*none of data"):
        domains.folder_of(settings, recipe, tmp_path / "none")
