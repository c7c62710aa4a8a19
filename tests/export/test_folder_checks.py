"""What the files of a version say of themselves."""

import importlib.util
import pathlib
import sys

import numpy as np
import pytest

from keras_transfer.export import batching
from keras_transfer.export import folder_checks
from keras_transfer.export import model_card
from keras_transfer.export import warmup
from keras_transfer.export.probes import Answer
from keras_transfer.export.probes import Signature
from keras_transfer.export.probes import TensorInfo
from tests.export.test_graph_checks import _graph

KNOWN = {
    "predict": Signature(
        {"x": TensorInfo("x:0", "float32", (None, 3))}, {}, "predict"
    )
}
ROWS = np.ones((2, 3), "float32")

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_serving") is None,
    reason="tensorflow-serving-api is not installed",
)


@pytest.fixture
def version(tmp_path):
    """A folder that looks like a version, all of it open."""
    base = tmp_path / "served"
    version = base / "3"
    (version / "variables").mkdir(parents=True)
    (version / "variables" / "data").write_bytes(b"x" * 1_500_000)
    for path in [base, version, *version.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return version


def _found(version):
    checks = list(folder_checks.check(version))
    return {check.name: (check.status, check.text) for check in checks}


def test_a_version_in_order(version):
    assert _found(version) == {
        "version number": ("pass", ""),
        "permissions": ("pass", ""),
        "size": ("pass", "1.5 MB"),
        "checksums": ("skip", "no manifest"),
    }


@pytest.mark.parametrize("name", ["v1", "latest", "1.5", "²", "-1"])
def test_names_that_a_server_ignores(version, name):
    renamed = version.rename(version.with_name(name))
    status, text = _found(renamed)["version number"]
    assert (status, repr(name) in text) == ("fail", True)


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        (".", 0o700),
        ("..", 0o750),
        ("variables", 0o754),
        ("variables/data", 0o640),
    ],
)
def test_what_others_cannot_read(version, path, mode):
    (version / path).chmod(mode)
    status, text = _found(version)["permissions"]
    assert status == "warn"
    assert f"cannot read {path}: chmod" in text
    (version / path).chmod(0o755)


@pytest.mark.parametrize("is_changed", [False, True])
def test_checksums(version, is_changed):
    manifest = version / model_card.MANIFEST
    manifest.parent.mkdir()
    model_card._write_json(
        version, model_card.MANIFEST, {"sha256": model_card.checksums(version)}
    )
    if is_changed:
        (version / "variables" / "data").write_bytes(b"y")
    status, text = _found(version)["checksums"]
    assert status == ("fail" if is_changed else "pass")
    assert ("variables/data" in text) == is_changed


def test_class_names(version):
    graph = _graph()
    graph.signature_def["predict"].outputs["logits"].name = "logits:0"
    check = folder_checks.check_class_names(version, graph)
    assert (check.status, "class_names=" in check.text) == ("warn", True)
    graph.signature_def["predict"].outputs["classes"].name = "classes:0"
    check = folder_checks.check_class_names(version, graph)
    assert (check.status, check.text) == ("pass", "in the graph")
    (version / "assets").mkdir()
    (version / "assets" / "class_names.txt").write_text("no\nyes\n")
    check = folder_checks.check_class_names(version, graph)
    assert (check.status, check.text) == ("pass", "")


def test_batching(version):
    assert folder_checks.check_batching(version).status == "pass"
    batching.write(version, 4)
    assert folder_checks.check_batching(version).status == "pass"
    (version / batching.FILE).write_text(
        "max_batch_size { value: 4 } allowed_batch_sizes: 2 "
        "pad_variable_length_inputs: true"
    )
    check = folder_checks.check_batching(version)
    assert check.status == "fail"
    assert "remove it; the last of allowed_batch_sizes is 2" in check.text


def test_no_warmup_is_fine(version):
    requests, (check,) = folder_checks.warmup_requests(version, KNOWN)
    assert (requests, check.status) == (None, "pass")


@needs_extra
def test_warmup_that_can_be_replayed(version):
    warmup.write(version, {"predict": {"x": ROWS}})
    requests, checks = folder_checks.warmup_requests(version, KNOWN)
    assert ([name for name, _ in requests], checks) == (["predict"], [])
    right, wrong = Answer(True, {}), Answer(False, message="no such variable")
    (check,) = folder_checks.check_warmup(requests, [right])
    assert (check.status, check.text) == ("pass", "1 requests")
    (check,) = folder_checks.check_warmup(requests, [wrong])
    assert check.status == "fail"
    assert check.text == "predict fails: no such variable"
    assert folder_checks.check_warmup(requests, None) == []
    assert folder_checks.check_warmup(None, []) == []


@needs_extra
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"other": {"x": ROWS}}, "asks for 'other'"),
        ({"predict": {"y": ROWS}}, "other inputs than ['y']"),
    ],
)
def test_warmup_of_other_signatures(version, inputs, words):
    warmup.write(version, inputs)
    requests, (check,) = folder_checks.warmup_requests(version, KNOWN)
    assert (requests, check.status) == (None, "fail")
    assert words in check.text


@needs_extra
def test_warmup_that_is_garbage(version):
    path = version / warmup.FILE
    path.parent.mkdir()
    path.write_bytes(b"garbage that is no record")
    requests, (check,) = folder_checks.warmup_requests(version, KNOWN)
    assert (requests, check.status) == (None, "fail")
    assert "keeps the version from loading" in check.text


def test_warmup_without_the_extra(version, monkeypatch):
    path = pathlib.Path(version, warmup.FILE)
    path.parent.mkdir()
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    requests, (check,) = folder_checks.warmup_requests(version, KNOWN)
    assert (requests, check.status) == (None, "skip")
    assert "keras-transfer[serving]" in check.text
