"""Image files: the walk below a folder, the check, the decoded pixels."""

import os

import numpy as np
import pytest
from PIL import Image

from keras_transfer.data import image_files


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "b" / "image.png"
    path.parent.mkdir()
    Image.fromarray(np.arange(12, dtype="uint8").reshape(3, 4)).save(path)
    return path


def test_below_is_sorted_and_visits_no_folder_twice(tmp_path, path):
    for name in ("a.jpg", "b.GIF", "b/z.bmp", ".c.jpg", ".d/e.jpg", "f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.symlink(tmp_path, tmp_path / "b" / "loop")
    os.symlink(tmp_path / "b", tmp_path / "again")
    found = image_files.below(tmp_path)
    assert [os.path.relpath(name, tmp_path) for name in found] == [
        "a.jpg",
        os.path.join("again", "image.png"),
        os.path.join("again", "z.bmp"),
        "b.GIF",
    ]


def test_below_stops_at_a_folder_that_cannot_be_read(path, monkeypatch):
    def walk(top, onerror, followlinks):
        onerror(PermissionError(13, "Permission denied", str(top)))
        return []

    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(PermissionError, match=path.parent.name):
        image_files.below(path.parent)


def test_check_shows_progress_for_many_files_only(path, capsys):
    image_files.check([str(path)] * 1000)
    image_files.check([str(path)] * 1001, verbose=0)
    assert capsys.readouterr().err == ""
    image_files.check([str(path)] * 1001)
    assert "Checking images" in capsys.readouterr().err


def test_check_counts_all_and_names_the_first(path):
    bad = path.with_name("bad.png")
    bad.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="2 of 3 image files") as caught:
        image_files.check([str(path), str(bad), str(path.parent / "none.png")])
    assert "bad.png" in str(caught.value)
    assert "none.png" not in str(caught.value)


def test_decode_keeps_the_channels(path):
    decoded = image_files.decode(str(path))
    assert decoded.dtype == "uint8"
    expected = np.arange(12).reshape(3, 4, 1)
    np.testing.assert_array_equal(decoded, expected)
