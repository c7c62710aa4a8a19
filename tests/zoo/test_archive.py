"""Archives: what is unpacked, and that nothing else is written."""

import gzip
import os
import stat
import tarfile

import numpy as np
import pytest

from keras_transfer.zoo import archive
from tests.zoo import archives

FOLDER = tarfile.DIRTYPE


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "model"


def _file(tmp_path, contents):
    path = tmp_path / "model.archive"
    path.write_bytes(contents)
    return path


def _refused(tmp_path, folder, contents):
    """The message of the refusal, after which nothing is there."""
    path = _file(tmp_path, contents)
    with pytest.raises(ValueError) as caught:
        archive.unpack(path, folder, "HANDLE")
    assert not folder.parent.exists() or not list(folder.parent.iterdir())
    assert list(tmp_path.iterdir()) in ([path], [folder.parent, path])
    assert "HANDLE" in str(caught.value)
    return str(caught.value)


# === What is unpacked


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("prefix", ["", "./", "owner-model-1a2b3c/", "./a/"])
def test_a_model_at_the_root_or_in_one_folder(tmp_path, folder, mode, prefix):
    path = _file(tmp_path, archives.pack(archives.files(prefix=prefix), mode))
    assert archive.unpack(path, folder) == folder
    assert archives.contents_of(folder) == archives.MODEL
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize(
    "form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_what_tar_packs_from_a_folder(tmp_path, folder, form):
    packed = tmp_path / "my model"
    expected = {f"assets/{'é' * 60}/vocab.txt": b"a", **archives.MODEL}
    for name, contents in expected.items():
        (packed / name).parent.mkdir(parents=True, exist_ok=True)
        (packed / name).write_bytes(contents)
    (packed / "empty").mkdir()
    path = tmp_path / "model.archive"
    with tarfile.open(path, "w:gz", format=form) as tar:
        tar.add(packed, "my model")
    archive.unpack(path, folder)
    assert archives.contents_of(folder) == expected
    assert (folder / "empty").is_dir()


@pytest.mark.parametrize("name", archive.MODEL_FILES)
def test_what_makes_a_model(tmp_path, folder, name):
    for prefix in ("", "top/"):
        members = archives.files({f"{prefix}{name}": b"x"})
        archive.unpack(_file(tmp_path, archives.pack(members)), folder)
        assert archives.contents_of(folder) == {name: b"x"}


def test_notes_of_macos_do_not_hide_the_top_folder(tmp_path, folder):
    members = [archives.member("._top", b"x"), *archives.files(prefix="top/")]
    archive.unpack(_file(tmp_path, archives.pack(members)), folder)
    assert archives.contents_of(folder) == archives.MODEL
    assert archive.model_folder(folder) == folder


@pytest.mark.skipif(os.name == "nt", reason="no modes")
def test_modes_in_the_archive_are_ignored(tmp_path, folder):
    members = [
        archives.member("variables", kind=FOLDER, mode=0o000),
        archives.member("saved_model.pb", b"x", mode=0o4777, uid=1, gid=1),
        archives.member("variables/variables.index", b"x", mode=0o000),
    ]
    before = os.umask(0o077)
    try:
        archive.unpack(_file(tmp_path, archives.pack(members)), folder)
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [folder, *folder.rglob("*")]
    }
    assert modes == {
        "model": 0o755,
        "variables": 0o755,
        "saved_model.pb": 0o644,
        "variables.index": 0o644,
    }


def test_the_last_of_two_members_of_a_name_counts(tmp_path, folder):
    members = [*archives.files(), archives.member("saved_model.pb", b"new")]
    archive.unpack(_file(tmp_path, archives.pack(members)), folder)
    assert (folder / "saved_model.pb").read_bytes() == b"new"


def test_what_stood_there_is_replaced(tmp_path, folder):
    folder.mkdir(parents=True)
    (folder / "old").touch()
    archive.unpack(_file(tmp_path, archives.pack()), folder)
    assert archives.contents_of(folder) == archives.MODEL
    assert list(folder.parent.iterdir()) == [folder]


def test_a_refusal_leaves_what_stood_there(tmp_path, folder):
    folder.mkdir(parents=True)
    (folder / "old").touch()
    contents = archives.pack()
    with pytest.raises(ValueError):
        archive.unpack(_file(tmp_path, contents[:-40]), folder)
    assert archives.contents_of(folder) == {"old": b""}
    assert list(folder.parent.iterdir()) == [folder]


def test_leftovers_of_a_killed_process_are_removed(folder):
    for name in ("model.unpack_1/new", "model2.unpack_1", "model"):
        (folder.parent / name).mkdir(parents=True)
    archive.remove_leftovers(folder)
    left = sorted(path.name for path in folder.parent.iterdir())
    assert left == ["model", "model2.unpack_1"]


# === What is refused


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../outside",
        "variables/../../outside",
        "top/..",
        "..",
        "..\\outside",
        "a\\..\\..\\outside",
        "C:\\outside",
        "c:outside",
        "\\\\host\\share\\x",
    ],
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, FOLDER])
def test_members_that_lead_out_are_refused(tmp_path, folder, name, kind):
    members = [*archives.files(), archives.member(name, kind=kind)]
    message = _refused(tmp_path, folder, archives.pack(members))
    assert repr(name) in message and "leads out" in message


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "is a link, to 'saved_model.pb'"),
        (tarfile.LNKTYPE, "is a link, to 'saved_model.pb'"),
        (tarfile.CHRTYPE, "neither a plain file nor a folder"),
        (tarfile.BLKTYPE, "neither a plain file nor a folder"),
        (tarfile.FIFOTYPE, "neither a plain file nor a folder"),
        (tarfile.GNUTYPE_SPARSE, "neither a plain file nor a folder"),
    ],
)
def test_links_and_devices_are_refused(tmp_path, folder, kind, reason):
    odd = archives.member("odd", kind=kind, linkname="saved_model.pb")
    message = _refused(
        tmp_path, folder, archives.pack([*archives.files(), odd])
    )
    assert "'odd'" in message and reason in message


def test_a_link_to_write_through_is_refused(tmp_path, folder):
    (tmp_path / "model.archive").touch()
    members = [
        archives.member("d", kind=tarfile.SYMTYPE, linkname=str(tmp_path)),
        archives.member("d/outside", b"x"),
        *archives.files(),
    ]
    _refused(tmp_path, folder, archives.pack(members))


def test_a_file_that_is_a_folder_too_is_refused(tmp_path, folder):
    for odd in ("saved_model.pb/x", "saved_model.pb/x/y"):
        members = [*archives.files(), archives.member(odd)]
        message = _refused(tmp_path, folder, archives.pack(members))
        assert "'saved_model.pb' is both" in message


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "no files"),
        (["model.keras"], "holds model.keras."),
        (["a/saved_model.pb", "b/saved_model.pb"], "a/saved_model.pb, b/"),
        (["a/b/saved_model.pb"], "a/b/saved_model.pb"),
        (["a/saved_model.pb", "README"], "README, a/saved_model.pb"),
        ([f"{row}.png" for row in range(9)], "0.png, 1.png, 2.png, 3.png"),
    ],
)
def test_an_archive_without_a_model_says_what_it_holds(
    tmp_path, folder, names, found
):
    members = [archives.member(name, b"x") for name in names]
    message = _refused(tmp_path, folder, archives.pack(members))
    assert "no SavedModel" in message and found in message
    assert ("and 4 more" in message) == (len(names) == 9)


@pytest.mark.parametrize(
    "contents",
    [b"", b"<!DOCTYPE html><title>Not found</title>", b"PK\3\4" + b"\0" * 2000],
)
def test_what_is_no_archive_is_refused(tmp_path, folder, contents):
    message = _refused(tmp_path, folder, contents)
    assert "tar or tar.gz" in message
    assert ("is empty" if not contents else repr(contents[:9])[:-1]) in message
    _refused(tmp_path, folder, gzip.compress(contents))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_cut_off_anywhere_is_refused(tmp_path, folder, mode):
    contents = archives.pack(mode=mode)
    # Up to the zeros that only fill the last record of a tar.
    end = len(contents.rstrip(b"\0")) if mode == "w" else len(contents)
    lengths = {*range(0, end, 509), *range(512, end, 512), end - 1}
    for length in sorted(lengths):
        _refused(tmp_path, folder, contents[:length])
    # tarfile takes the end between two members for the archive's.
    with_one = archives.pack([archives.member("saved_model.pb", b"x")], "w")
    with_one = with_one[:1024]
    message = _refused(tmp_path, folder, with_one)
    assert "cut off or damaged" in message


def test_a_damaged_archive_is_refused_or_unpacked_whole(
    tmp_path, folder, generator
):
    path = tmp_path / "model.archive"
    original = archives.pack(archives.files({"saved_model.pb": b"x" * 600}))
    refused = 0
    for _ in range(200):
        contents = bytearray(original)
        contents[generator.integers(10, len(contents))] ^= generator.integers(
            1, 256, dtype=np.uint8
        )
        path.write_bytes(contents)
        try:
            archive.unpack(path, folder)
        except ValueError:
            refused += 1
        else:
            assert archives.contents_of(folder) == {
                "saved_model.pb": b"x" * 600
            }
    # Few bytes of a gzip file mean nothing.
    assert refused > 150


def test_damaged_headers_are_refused_by_a_known_error(
    tmp_path, folder, generator
):
    path = tmp_path / "model.archive"
    original = archives.pack(archives.files({"saved_model.pb": b"x" * 60}), "w")
    refused = 0
    for _ in range(300):
        contents = bytearray(original)
        for position in generator.integers(0, 600, 3):
            contents[position] = generator.integers(0, 256)
        path.write_bytes(contents)
        try:
            archive.unpack(path, folder)
        except ValueError:
            refused += 1
    assert refused > 200


def test_a_missing_archive_is_an_oserror(tmp_path, folder):
    with pytest.raises(FileNotFoundError):
        archive.unpack(tmp_path / "missing", folder)


# === model_folder


def test_the_model_in_a_folder_is_found(tmp_path):
    assert archive.model_folder(tmp_path / "missing") is None
    assert archive.model_folder(tmp_path) is None
    (tmp_path / "top").mkdir()
    assert archive.model_folder(tmp_path) is None
    # So tensorflow_hub unpacks an archive with a top folder.
    (tmp_path / "top" / "saved_model.pb").touch()
    assert archive.model_folder(tmp_path) == tmp_path / "top"
    (tmp_path / "other").mkdir()
    assert archive.model_folder(tmp_path) is None
    (tmp_path / "saved_model.pbtxt").touch()
    assert archive.model_folder(tmp_path) == tmp_path
    assert archive.model_folder(tmp_path / "saved_model.pbtxt") is None
