"""Unpacks archives of SavedModels that nobody has to trust."""

import contextlib
import gzip
import os
import pathlib
import shutil
import tarfile
import tempfile
import zlib

#: Any of them makes a folder a model. The last is of the TF1 hub format, which
#: the loader reports itself.
MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt", "tfhub_module.pb")

_CHUNK = 1 << 20
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


def unpack(
    path: str | os.PathLike,
    folder: str | os.PathLike,
    source: str | None = None,
) -> pathlib.Path:
    """Unpacks a tar or tar.gz archive of a SavedModel.

    The SavedModel lies at the root of the archive, or in its one top folder,
    which is then left out. The whole archive is read and checked before
    anything is written: a member that would lie outside the folder, a link, a
    device and whatever else is neither file nor folder is refused. Owners and
    modes in the archive are ignored; files get 0644 and folders 0755.

    It is written under another name and then renamed. What stood at `folder`
    is replaced.

    Bad at: archives made to fill the disk, as sizes are not limited.

    Args:
        path: The archive.
        folder: Where its contents go.
        source: What messages call the archive, by default its path.

    Returns:
        `folder` as a `pathlib.Path`.

    Raises:
        ValueError: If the file is no tar archive, is cut off or damaged, has
            a member that is refused, or holds no SavedModel.
    """
    folder = pathlib.Path(folder)
    source = source or os.fspath(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb"))
            tar = _open(file, source, stack)
            members = _checked(tar.getmembers(), source)
            _check_end(tar)
            members = _without_top_folder(members, source)
            folder.parent.mkdir(parents=True, exist_ok=True)
            hidden = pathlib.Path(
                tempfile.mkdtemp(
                    prefix=f"{folder.name}.unpack_", dir=folder.parent
                )
            )
            stack.callback(shutil.rmtree, hidden, ignore_errors=True)
            _write(tar, members, hidden / "new")
        except _DAMAGE as error:
            raise ValueError(
                f"The archive {source} is cut off or damaged ({error}): get "
                "it again."
            ) from error
        if folder.exists():
            folder.rename(hidden / "old")
        (hidden / "new").rename(folder)
    return folder


def remove_leftovers(folder: pathlib.Path) -> None:
    """Removes what a killed `unpack` left beside a folder.

    Args:
        folder: As for `unpack`; no other process unpacks to it.
    """
    for leftover in folder.parent.glob(f"{folder.name}.unpack_*"):
        shutil.rmtree(leftover, ignore_errors=True)


def model_folder(folder: pathlib.Path) -> pathlib.Path | None:
    """Finds the SavedModel in an unpacked folder.

    tensorflow_hub keeps the one top folder of an archive that has such.

    Args:
        folder: A folder, which need not exist.

    Returns:
        `folder`, the one folder in it, or `None` if neither is a model.
    """
    if not folder.is_dir():
        return None
    candidates = [folder]
    inside = [path for path in folder.iterdir() if _counts(path.name)]
    if len(inside) == 1 and inside[0].is_dir():
        candidates += inside
    for candidate in candidates:
        if any((candidate / name).is_file() for name in MODEL_FILES):
            return candidate
    return None


def _open(file, source, stack):
    start = file.read(32)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        file = stack.enter_context(gzip.GzipFile(fileobj=file))
    try:
        # Not "r:*", which would look for a second layer of compression.
        return stack.enter_context(tarfile.open(fileobj=file, mode="r:"))
    except tarfile.ReadError as error:
        raise ValueError(
            f"Expected {source} to be a tar or tar.gz archive, but it "
            f"{f'begins with {start!r}' if start else 'is empty'}."
        ) from error


def _checked(members, source):
    """The members by their relative path, in the order of the archive."""
    found = []
    for member in members:
        windows = pathlib.PureWindowsPath(member.name)
        reason = None
        # Windows' paths know every separator, and drives too.
        if windows.anchor or ".." in windows.parts or "\0" in member.name:
            reason = "leads out of the folder it is unpacked to"
        elif member.issym() or member.islnk():
            reason = f"is a link, to {member.linkname!r}"
        elif not (member.isdir() or member.isreg()) or member.issparse():
            reason = "is neither a plain file nor a folder"
        if reason:
            raise ValueError(
                f"The archive {source} is refused and nothing of it was "
                f"written: its member {member.name!r} {reason}."
            )
        found.append((pathlib.PurePosixPath(member.name), member))
    files = {name for name, member in found if not member.isdir()}
    folders = {name for name, member in found if member.isdir()}
    folders.update(parent for name, _ in found for parent in name.parents)
    for name in sorted(files & folders):
        raise ValueError(
            f"The archive {source} is refused and nothing of it was written: "
            f"its member {str(name)!r} is both a file and a folder."
        )
    return found


def _check_end(tar):
    """Raises where tarfile stopped early: it takes damage for the end."""
    tar.fileobj.seek(tar.offset)
    end = tar.fileobj.read(tarfile.BLOCKSIZE)
    if len(end) < tarfile.BLOCKSIZE or any(end):
        raise tarfile.ReadError("no end of the archive")
    # To the end, where gzip compares its checksum.
    while tar.fileobj.read(_CHUNK):
        pass


def _without_top_folder(members, source):
    files = {name for name, member in members if member.isreg()}
    root = pathlib.PurePosixPath()
    tops = {name.parts[0] for name, _ in members if name.parts}
    tops = {name for name in tops if _counts(name)}
    if not any(root / name in files for name in MODEL_FILES):
        top = root / tops.pop() if len(tops) == 1 else None
        if top is None or not any(top / name in files for name in MODEL_FILES):
            raise ValueError(
                f"The archive {source} holds no SavedModel: there is no "
                "saved_model.pb at its root or in its one top folder. It holds "
                f"{_some(files)}."
            )
        root = top
    return [
        (name.relative_to(root), member)
        for name, member in members
        if name.is_relative_to(root)
    ]


def _counts(name):
    """Whether a name is more than macOS' notes on the file beside it."""
    return not name.startswith("._")


def _some(files, most=5):
    names = sorted(str(name) for name in files)
    if not names:
        return "no files"
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _write(tar, members, folder):
    for name, member in members:
        path = folder / name
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with tar.extractfile(member) as contents, open(path, "wb") as file:
            shutil.copyfileobj(contents, file, _CHUNK)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
