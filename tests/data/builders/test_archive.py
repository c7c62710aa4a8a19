"""Archives that a user places by hand."""

import hashlib

import pytest

from keras_transfer.data.builders import archive as archive_module
from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.archive import instructions

PAGE = "https://example.org/data"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"content")
    return path


def test_a_file_is_found(file):
    assert Archive("a.zip", PAGE).check(file.parent) == file
    assert Archive("a.zip", PAGE).check(str(file.parent)) == file


def test_a_missing_file_says_where_from_and_where_to(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        Archive("sub/a.zip", PAGE).check(tmp_path)
    assert str(error.value) == (
        f"No file a.zip. Get it from {PAGE} and put it at "
        f"{tmp_path / 'sub' / 'a.zip'}; nothing is downloaded for you."
    )


def test_a_known_checksum_is_compared(file):
    right = hashlib.md5(b"content").hexdigest()
    assert Archive("a.zip", PAGE, md5=right).check(file.parent) == file
    with pytest.raises(ValueError, match=f"md5 is {right}, {PAGE} has 0000"):
        Archive("a.zip", PAGE, md5="0" * 32).check(file.parent)


def test_a_checksum_of_the_user_is_compared(file):
    right = hashlib.sha256(b"content").hexdigest()
    beside = file.with_name("a.zip.sha256")
    for text in (f"{right}  a.zip\n", right.upper()):
        beside.write_text(text)
        assert Archive("a.zip", PAGE).check(file.parent) == file
    beside.write_text("0" * 64)
    with pytest.raises(ValueError, match="its sha256 is"):
        Archive("a.zip", PAGE).check(file.parent)
    beside.write_text("\n")
    with pytest.raises(ValueError, match="a.zip.sha256 is empty"):
        Archive("a.zip", PAGE).check(file.parent)


@pytest.mark.parametrize("verbose, shown", [(1, True), (0, False)])
def test_a_large_file_shows_progress(file, verbose, shown, monkeypatch, capsys):
    monkeypatch.setattr(archive_module, "_LARGE", 5)
    right = hashlib.md5(b"content").hexdigest()
    Archive("a.zip", PAGE, md5=right).check(file.parent, verbose)
    assert ("Checking a.zip" in capsys.readouterr().err) == shown


def test_instructions_name_every_file():
    archives = [Archive("a.zip", PAGE), Archive("b.zip", PAGE)]
    text = instructions(archives)
    assert all(f"{a.path} from {PAGE}" in text for a in archives)
