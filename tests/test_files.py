"""Files are written whole or not at all."""

import pytest

from keras_transfer import _files


def test_a_file_is_put_in_place_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    with _files.written_whole(path) as partial:
        partial.write_text("new")
        assert not path.exists()
        assert partial.suffix == ".txt"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    failure = pytest.raises(OSError, match="disk full")
    with failure, _files.written_whole(path) as partial:
        partial.write_text("ha")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
