"""Image files: the walk below a folder, the check, the decoded pixels."""

import os
import struct

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


def _cut(path, name):
    """A copy of an image that lacks its last byte."""
    path.with_name(name).write_bytes(path.read_bytes()[:-1])
    return str(path.with_name(name))


def test_usable_shows_progress_for_many_files_only(path, capsys):
    image_files.usable({"b": [str(path)] * 1000})
    image_files.usable({"b": [str(path)] * 1001}, verbose=0)
    assert capsys.readouterr().err == ""
    image_files.usable({"b": [str(path)] * 1001})
    assert "Checking images" in capsys.readouterr().err


@pytest.mark.parametrize("on_corrupt", ["error", "skip"])
def test_good_files_are_kept_silently(path, on_corrupt):
    folders = {"a": [str(path)], "b": [str(path), str(path)]}
    kept, skipped = image_files.usable(folders, on_corrupt)
    assert kept == [*folders.values()] and skipped == []


def test_bad_files_are_refused_each_by_its_name(path):
    bad = [_cut(path, "bad.png"), str(path.parent / "none.png")]
    with pytest.raises(ValueError, match="2 of 3 image files") as caught:
        image_files.usable({"a": [bad[0], str(path)], "b": bad[1:]})
    message = str(caught.value)
    assert f"{bad[0]!r} is damaged or cut off; {bad[1]!r} cannot" in message
    assert "on_corrupt='skip'" in message and repr(str(path)) not in message


@pytest.mark.parametrize("count", [10, 11, 13])
def test_ten_bad_files_are_named_and_the_others_counted(path, count):
    bad = [_cut(path, f"bad_{row:02d}.png") for row in range(count)]
    with pytest.raises(ValueError, match=f"{count} of {count}") as caught:
        image_files.usable({"b": bad})
    named = [row for row in range(count) if repr(bad[row]) in str(caught.value)]
    assert named == list(range(10))
    rest = f"; and {count - 10} more. "
    assert (rest in str(caught.value)) == (count > 10)
    assert "\n" not in str(caught.value)


def test_bad_files_are_skipped_with_a_warning(path):
    bad = _cut(path, "bad.png")
    folders = {"a": [bad, str(path)], "b": [str(path)]}
    with pytest.warns(UserWarning, match="Skipped 1 of 3 .*bad.png"):
        kept, skipped = image_files.usable(folders, "skip")
    assert kept == [[str(path)], [str(path)]] and skipped == [bad]
    assert folders["a"] == [bad, str(path)]


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_damage_inside_a_file_is_found(path, suffix, generator):
    pixels = generator.integers(0, 256, (40, 40), "uint8")
    path = path.with_suffix(f".{suffix}")
    Image.fromarray(pixels).save(path)
    assert image_files.usable({"b": [str(path)]})[1] == []
    contents = bytearray(path.read_bytes())
    middle = len(contents) // 2
    contents[middle : middle + 200] = bytes(200)
    path.write_bytes(contents)
    with pytest.raises(ValueError, match="is damaged or cut off"):
        image_files.usable({"b": [str(path)]})


def test_a_checksum_that_does_not_matter_is_not_held_against_a_file(path):
    contents = path.read_bytes()
    end = contents.index(b"\0\0\0\0IEND")
    wrong = struct.pack(">I", 5) + b"tEXta\0bcd" + b"what"
    path.write_bytes(contents[:end] + wrong + contents[end:])
    with Image.open(path) as image, pytest.raises(SyntaxError):
        image.verify()
    assert image_files.usable({"b": [str(path)]})[1] == []


def test_a_folder_without_one_good_file_is_refused(path):
    bad = [_cut(path, name) for name in ("x.png", "y.png", "z.png")]
    folders = {"a": [str(path), bad[0]], "the folder": bad[1:]}
    with pytest.raises(ValueError, match="None of the 2 .*'the fold") as caught:
        image_files.usable(folders, "skip")
    assert "y.png" in str(caught.value) and "z.png" in str(caught.value)
    assert "x.png" not in str(caught.value)


def test_decode_keeps_the_channels(path):
    decoded = image_files.decode(str(path))
    assert decoded.dtype == "uint8"
    expected = np.arange(12).reshape(3, 4, 1)
    np.testing.assert_array_equal(decoded, expected)
