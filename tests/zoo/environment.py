"""Tests of downloads on a machine without settings, clock or cache."""

import os
import types

from keras_transfer.zoo import download


def isolate(monkeypatch, cache):
    """No setting of this machine counts, and nothing is kept on it.

    Args:
        monkeypatch: The fixture.
        cache: Folder that takes the place of the user's cache.
    """
    for name in list(os.environ):
        if name.startswith(("KERAS_TRANSFER_", "TFHUB_", "KAGGLE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(cache))
    # A download that fails waits before it tries again.
    clock = types.SimpleNamespace(sleep=lambda _: None)
    monkeypatch.setattr(download, "time", clock)
