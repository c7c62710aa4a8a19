"""tf-keras-vis, there or not."""

import importlib
import sys

import pytest

from keras_transfer.explain.vis import vis


def test_it_is_imported_without_a_warning(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("tf_keras_vis")]:
        monkeypatch.delitem(sys.modules, name)
    assert vis("gradcam").Gradcam and vis("activation_maximization")


def test_without_the_extra_one_sentence_says_what_to_do(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"keras-transfer\[explain\]"):
        vis("gradcam")
