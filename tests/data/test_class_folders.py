"""Folders as classes."""

import pytest

from keras_transfer.data.class_folders import class_folders


def test_names_are_sorted_and_hidden_ones_left_out(tmp_path):
    for name in ("b", "a", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "note.txt").write_text("no folder")
    assert class_folders(tmp_path) == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "It holds no folders"), (["a"], "It holds only 'a'")],
    ids=["none", "one"],
)
def test_fewer_than_two_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=f"`path`.*1.txt.*{message}.*texts"):
        class_folders(tmp_path, "path", "1.txt")
