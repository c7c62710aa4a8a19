"""How every builder of ours is tested: by TFDS' tools and row for row."""

import collections
import contextlib
import dataclasses
import hashlib
import pathlib
import tempfile
from unittest import mock

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
# TFDS' tools for tests want it.
pytest.importorskip("dill")

from tests.data.builders import fake_archives  # noqa: E402

PREFIX = "keras_transfer_"


def known_archives(builder_class, folder):
    """Gives the archives the checksums of the fake ones, for a while."""
    archives = builder_class.archives
    if isinstance(archives, property):
        return contextlib.nullcontext()
    known = [
        archive
        if archive.md5 is None
        else dataclasses.replace(archive, md5=_md5(folder / archive.path))
        for archive in archives
    ]
    return mock.patch.object(builder_class, "archives", known)


def _md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


class BuilderCase(tfds.testing.DatasetBuilderTestCase):
    """TFDS' own checks of a builder, on its fake archive."""

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = cls.enterClassContext(tempfile.TemporaryDirectory())
        folder = pathlib.Path(cls.EXAMPLE_DIR)
        name = cls.DATASET_CLASS.name.removeprefix(PREFIX)
        fake_archives.WRITERS[name](folder)
        cls.enterClassContext(known_archives(cls.DATASET_CLASS, folder))
        super().setUpClass()


def placed(builder_class, data_dir):
    """Writes the fake archives where TFDS looks; returns what they hold."""
    manual = pathlib.Path(data_dir) / "downloads" / "manual"
    manual.mkdir(parents=True)
    writer = fake_archives.WRITERS[builder_class.name.removeprefix(PREFIX)]
    return writer(manual)


def check_tfds_load(builder_class, data_dir):
    """`tfds.load` gives each config and split the rows of the archive."""
    expected = placed(builder_class, data_dir)
    manual = pathlib.Path(data_dir) / "downloads" / "manual"
    with known_archives(builder_class, manual):
        for config, splits in expected.items():
            name = builder_class.name + (f"/{config}" if config else "")
            loaded = tfds.load(name, data_dir=data_dir, as_supervised=True)
            assert set(loaded) == set(splits)
            for split, rows in splits.items():
                found = list(tfds.as_numpy(loaded[split]))
                assert counted(found) == counted(rows), (name, split)


def counted(rows):
    """Rows as a multiset: TFDS shuffles them when it writes."""
    return collections.Counter(
        (np.asarray(x).shape, np.asarray(x).dtype.name, x.tobytes(), int(y))
        for x, y in rows
    )
