"""The `models.config` of TF Serving for a folder of models."""

import pathlib
import posixpath

from keras_transfer._public import invalid_argument
from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning import version_folders
from keras_transfer.export.versioning import version_state

_HEAD = """\
# Made by keras-transfer serve-config, kept by keras-transfer versions.
# Read by: tensorflow_model_server --model_config_file=FILE
"""


def server_config(folder, out=None, prefix=None):
    """Writes the `models.config` for a folder of served models.

    Every model gets an entry that names the versions to keep loaded and
    their labels: those that `promote` gave, else the newest version alone as
    `"stable"`. A new export is served when it is promoted, not before.

    A file that exists is extended: models that it names stay as they stand,
    and so does everything else in it.

    Nothing is said about batching, which is decided by a
    `batching_params.pbtxt` in each version: few-shot models have none and
    are not batched.

    Args:
        folder: Folder with a folder for each model, as
            `folder/flowers/1/saved_model.pb`.
        out: Path of the file to write, or `None` to only return its text.
        prefix: Where the server finds `folder`, as `"/models"` in a
            container; by default where it is here.

    Returns:
        The text of the config.

    Raises:
        ValueError: If the folder is a URL or holds no models, or if the file
            cannot be read.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> folder = tempfile.TemporaryDirectory()
    >>> model.export(f"{folder.name}/flowers/1", verbose=False)
    >>> print(kt.export.server_config(folder.name, prefix="/models"))
    # Made by keras-transfer serve-config, kept by keras-transfer versions.
    # Read by: tensorflow_model_server --model_config_file=FILE
    model_config_list {
      config {
        name: "flowers"
        base_path: "/models/flowers"
        model_platform: "tensorflow"
        model_version_policy { specific { versions: 1 } }
        version_labels { key: "stable" value: 1 }
      }
    }
    <BLANKLINE>
    >>> folder.cleanup()
    """
    folder = version_folders.local_folder("folder", folder)
    if prefix is not None and not posixpath.isabs(prefix):
        raise invalid_argument(
            "prefix", prefix, "an absolute path, as '/models'"
        )
    old = None
    if out is not None:
        out = version_folders.local_path("out", out)
        if out.exists():
            old, _ = models_config.load(out)
    text = _HEAD if old is None else old
    known = {entry.name for entry in models_config.read(text)}
    for base in _models(folder):
        if base.name in known:
            continue
        base_path = str(base)
        if prefix is not None:
            base_path = posixpath.join(prefix, base.name)
        served, labels = _state(base)
        text = models_config.with_model(
            text, base.name, base_path, served, labels
        )
    if out is not None:
        models_config.replace(out, old, text)
    return text


def _models(folder):
    """Folders of models with at least one complete version."""
    if version_folders.find(folder):
        raise invalid_argument(
            "folder",
            str(folder),
            "a folder of models",
            f"It is a model itself: give {folder.parent}.",
        )
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".") and _complete(path)
    ]
    if not found:
        raise invalid_argument(
            "folder",
            str(folder),
            "a folder with models in it, as flowers/1/saved_model.pb",
        )
    return found


def _complete(base):
    return [
        number
        for number, path in version_folders.find(base).items()
        if version_folders.problem(path) is None
    ]


def _state(base: pathlib.Path):
    """Versions to load and labels of a model that has no config yet."""
    complete = _complete(base)
    labels = {
        label: number
        for label, number in version_folders.read_labels(base).items()
        if number in complete
    }
    labels = labels or {version_state.STABLE: complete[-1]}
    return sorted(set(labels.values())), labels
