"""Folders of versions as a server sees them, without models in them."""

import pathlib

from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning import version_folders


def write_version(base, number):
    """A version whose files are all there; returns its folder."""
    version = pathlib.Path(base, str(number))
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(f"graph {number}".encode())
    (version / "variables" / "variables.index").write_bytes(b"index")
    data = version / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(b"data")
    return version


def write_config(path, base, versions, labels, name="flowers"):
    """A config with one model."""
    text = models_config.with_model("", name, str(base), versions, labels)
    path.write_text(text)
    return path


def check_servable(base, config=None):
    """What must hold for a server at any moment.

    Every folder named by an integer is complete; the config can be read, and
    what it loads and labels is there. Returns the labels.
    """
    folders = version_folders.find(base)
    for path in folders.values():
        assert version_folders.problem(path) is None, path
    if config is None:
        labels = version_folders.read_labels(base)
    else:
        _, (entry,) = models_config.load(config)
        labels = entry.labels
        assert set(entry.loaded(folders)) <= set(folders)
        assert set(labels.values()) <= set(entry.loaded(folders))
    assert set(labels.values()) <= set(folders)
    return labels
