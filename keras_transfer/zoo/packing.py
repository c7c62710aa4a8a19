"""A SavedModel as text inside a config, without its weights."""

import base64
import binascii
import hashlib
import io
import pathlib
import shutil
import tempfile
import zipfile

import tensorflow as tf

from keras_transfer.zoo import cache
from keras_transfer.zoo import card as cards

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def pack(folder, card=None):
    """Packs the graph and the assets of a SavedModel.

    The file that it goes into holds the weights already, so that they are
    zeros here, which take no space. What tables hold is kept.

    Args:
        folder: Path of the SavedModel.
        card: Its `Card`, to go with it, or `None`.

    Returns:
        A string: base64 of a zip archive.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch, "packed")
        _copy_graph(pathlib.Path(folder), copy)
        _write_zeros(pathlib.Path(folder), copy)
        if card is not None:
            cards.write(card, copy)
        return base64.b64encode(_zip(copy)).decode("ascii")


def unpack(text):
    """Puts a packed SavedModel into the cache.

    Args:
        text: What `pack` returned.

    Returns:
        The `pathlib.Path` of the SavedModel, the same for the same text.

    Raises:
        ValueError: If the text is damaged.
    """
    try:
        packed = base64.b64decode(text, validate=True)
        contents = zipfile.ZipFile(io.BytesIO(packed))
    except (binascii.Error, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The SavedModel packed into this file is damaged: {error}."
        ) from error
    digest = hashlib.sha256(packed).hexdigest()
    folder = cache.root() / "packed" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with cache.lock(folder):
        if not folder.exists():
            scratch = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
            try:
                contents.extractall(scratch)
                (scratch / "packed").rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _copy_graph(folder, copy):
    skip = shutil.ignore_patterns("variables", "*.incomplete")
    shutil.copytree(folder, copy, ignore=skip, copy_function=shutil.copyfile)


def _write_zeros(folder, copy):
    prefix = folder / "variables" / "variables"
    if not prefix.with_suffix(".index").exists():
        return
    reader = tf.train.load_checkpoint(str(prefix))
    names = sorted(reader.get_variable_to_shape_map())
    types = reader.get_variable_to_dtype_map()
    values = [
        tf.zeros(reader.get_variable_to_shape_map()[name], types[name])
        if name.endswith(_VALUE) and types[name].is_floating
        else reader.get_tensor(name)
        for name in names
    ]
    (copy / "variables").mkdir()
    tf.raw_ops.SaveV2(
        prefix=str(copy / "variables" / "variables"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(value) for value in values],
    )


def _zip(folder):
    """The bytes of a zip archive, the same for the same contents."""
    contents = io.BytesIO()
    with zipfile.ZipFile(contents, "w", zipfile.ZIP_DEFLATED) as writer:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder.parent).as_posix()
                # A fixed date: that of the file would change the bytes.
                writer.writestr(
                    zipfile.ZipInfo(name),
                    path.read_bytes(),
                    compress_type=zipfile.ZIP_DEFLATED,
                )
    return contents.getvalue()
