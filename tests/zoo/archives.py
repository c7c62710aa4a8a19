"""Archives for the tests, honest ones and others."""

import io
import pathlib
import tarfile

MODEL = {
    "saved_model.pb": b"graph",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": bytes(range(256)) * 200,
}


def member(name, contents=b"", kind=tarfile.REGTYPE, **attributes):
    """One member for `pack`."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(contents)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, contents


def files(contents=None, prefix=""):
    """Members for files and their folders, by default those of a model."""
    contents = MODEL if contents is None else contents
    names = [pathlib.PurePosixPath(prefix, name) for name in contents]
    # tensorflow_hub unpacks into folders that are members themselves.
    folders = {str(parent) for name in names for parent in name.parents}
    return [
        member(folder, kind=tarfile.DIRTYPE) for folder in sorted(folders)
    ] + [member(prefix + name, data) for name, data in contents.items()]


def pack(members=None, mode="w:gz"):
    """An archive as bytes, by default of a model.

    Args:
        members: Results of `member`.
        mode: Of `tarfile.open`, as `w` or `w:gz`.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for info, contents in files() if members is None else members:
            tar.addfile(info, io.BytesIO(contents))
    return stream.getvalue()


def contents_of(folder):
    """Files below a folder by their relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
