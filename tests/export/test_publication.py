"""A version is published whole, or not at all."""

import dataclasses
import errno
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import model_card
from keras_transfer.export import probes
from keras_transfer.export import publication
from keras_transfer.export import verification
from keras_transfer.export.served_model import ServedModel
from tests.export import exported
from tests.export import faults
from tests.export import killed_exports
from tests.export.exported import status_of
from tests.export.exported import text_of

ROWS = {"numbers": np.random.default_rng(0).normal(size=(3, 4)).astype("f")}


def _publish(base, signatures=None, **settings):
    served, signature = exported.predict_signature(exported.number_model())
    signatures = signatures or {"predict": signature}
    return publication.publish(
        base,
        served,
        signatures,
        dict.fromkeys(signatures, ROWS),
        default="predict",
        **{"facts": {}, "class_names": ["no", "yes"], **settings},
    )


@pytest.fixture
def untried(monkeypatch):
    """Without the processes, to look at files only."""
    monkeypatch.setattr(verification, "try_out", exported.nothing_tried)


def _visible(base):
    """The versions that a server sees, each of them whole."""
    assert killed_exports.problems(pathlib.Path(base)) == []
    names = os.listdir(base) if os.path.exists(base) else []
    return sorted(name for name in names if not name.startswith("."))


# === What is published ===


def test_files_and_report(untried, tmp_path):
    report = _publish(tmp_path, batching=4)
    assert report.path == tmp_path / "1"
    assert report.passed
    assert 0 < report.seconds < 60
    names = {
        path.relative_to(report.path).as_posix()
        for path in report.path.rglob("*")
        if path.is_file()
    }
    names.discard("assets.extra/tf_serving_warmup_requests")  # with the extra
    names.discard("fingerprint.pb")
    assert names == {
        "assets.extra/manifest.json",
        "assets.extra/model_card.json",
        "assets.extra/samples/predict.npz",
        "assets/class_names.txt",
        "batching_params.pbtxt",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    assert model_card.changed_files(report) == []


def test_everybody_can_read_it(untried, tmp_path):
    former = os.umask(0o077)
    try:
        version = _publish(tmp_path).path
    finally:
        os.umask(former)
    for path in [version, *version.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o644), path


@pytest.mark.parametrize(
    ("others", "number"),
    [([], 1), (["1", "9"], 10), (["x", ".7", "²", "3.5"], 1), (["007"], 8)],
)
def test_the_number_is_above_the_highest(untried, tmp_path, others, number):
    for name in others:
        (tmp_path / name).mkdir()
    assert _publish(tmp_path).path.name == str(number)


def test_a_file_with_the_name_of_a_version_counts(untried, tmp_path):
    (tmp_path / "4").write_text("a file")
    assert _publish(tmp_path).path.name == "5"


def test_the_default_signature_has_two_names(untried, tmp_path):
    version = _publish(tmp_path)
    assert set(probes.signatures(version)) == {"predict", "serving_default"}


def test_the_tolerance_is_kept_for_verify(untried, tmp_path):
    version = _publish(tmp_path, tolerance=0.25)
    assert model_card.read(version)["tolerance"] == 0.25


def test_facts_that_are_no_json_are_refused_first(monkeypatch, tmp_path):
    def never(*args, **kwargs):
        pytest.fail("it was tried out before")

    monkeypatch.setattr(verification, "try_out", never)
    with pytest.raises(ValueError, match="`card`"):
        _publish(tmp_path / "served", facts={"metrics": object()})
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize(
    "url", ["gs://bucket/flowers", "s3://bucket/x", pathlib.Path("gs://x/y")]
)
def test_urls_are_refused_with_advice(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="local copy.*gsutil rsync"):
        kt.export.save(exported.number_model(), url)
    assert list(tmp_path.iterdir()) == []


# === What is not published ===


class AlongTheBatch(keras.layers.Layer):
    """A layer that looks at its neighbours."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def _model_that(function):
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(2)(inputs)
    return keras.Model(inputs, AlongTheBatch(function)(x))


def _faulty_signatures():
    """One good signature, and one for each fault."""
    norm = keras.layers.BatchNormalization()
    models = {
        "predict": exported.number_model(),
        "mean": _model_that(lambda x: x - tf.reduce_mean(x, 0)),
        "softmax": _model_that(keras.layers.Softmax(axis=0)),
        "norm": _model_that(lambda x: norm(x, training=True)),
        "differs": exported.number_model(),
        "unchecked": exported.number_model(),
    }
    made = {
        name: exported.predict_signature(model)[1]
        for name, model in models.items()
    }
    reference, served = made["differs"].reference, models["unchecked"]
    changes = {
        "differs": {"reference": lambda rows: _shifted(reference(rows))},
        "unchecked": {"function": lambda tensors: ServedModel(served)(tensors)},
    }
    return {
        name: dataclasses.replace(signature, name=name, **changes.get(name, {}))
        for name, signature in made.items()
    }


def _shifted(answers):
    return {name: x + 1e-3 for name, x in answers.items()}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """The error of an export with many faults, and its folder."""
    base = tmp_path_factory.mktemp("export") / "served"
    with pytest.raises(kt.export.VerificationError) as caught:
        _publish(base, _faulty_signatures())
    return caught.value, base


@pytest.mark.slow
def test_a_version_with_faults_is_not_published(refused):
    error, base = refused
    assert list(base.iterdir()) == []
    assert error.report.path == base
    assert not error.report.passed
    assert str(error).startswith("The export was not published: ")
    assert error.report.failures[0].text in str(error)


@pytest.mark.slow
def test_a_graph_that_answers_otherwise_is_found(refused):
    report = refused[0].report
    for words in verification.LOADERS.values():
        assert status_of(report, f"differs, {words}") == "fail"
        assert status_of(report, f"predict, {words}") == "pass"
    found = report.differences["differs"].largest
    assert found == pytest.approx(1e-3, rel=0.5)
    assert report.differences["predict"].largest < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean", "softmax", "norm"])
def test_rows_that_depend_on_each_other_are_found(refused, name):
    report = refused[0].report
    title = "rows stand alone"
    assert status_of(report, f"{name}, {title}") == "fail"
    assert "a single row" in text_of(report, f"{name}, {title}")
    assert status_of(report, f"predict, {title}") == "pass"


@pytest.mark.slow
def test_bad_requests_that_are_answered_are_found(refused):
    report = refused[0].report
    assert status_of(report, "predict, bad requests") == "pass"
    assert status_of(report, "unchecked, bad requests") == "fail"
    text = text_of(report, "unchecked, bad requests")
    assert "a NaN in numbers" in text
    assert "an empty batch" in text


@pytest.mark.slow
def test_a_folder_that_does_not_load_is_a_failed_check(monkeypatch, tmp_path):
    write = publication.saved_model.write

    def damaged(version, *args):
        write(version, *args)
        (version / "variables" / "variables.index").unlink()

    monkeypatch.setattr(publication.saved_model, "write", damaged)
    with pytest.raises(kt.export.VerificationError, match="loads, graph"):
        _publish(tmp_path)
    assert list(tmp_path.iterdir()) == []


# === Disks and interruptions ===


def _stop_each(base, stop, expected):
    """Exports, stopped at one operation after the other, until one is through.

    Yields:
        The error of each that was stopped, and the operation.
    """
    number = 0
    while True:
        watch = faults.Watch(base, number, stop)
        with faults.watching(watch):
            try:
                report = _publish(base, batching=4)
            except expected as error:
                assert watch.reached, error
                yield error, watch.seen[-1]
            else:
                assert _visible(base) == [report.path.name] == ["1"]
                if not watch.reached:
                    return
                # A folder that was there already, or zipfile tried again.
                assert watch.seen[-1] in ("os.mkdir", "open")
                shutil.rmtree(report)
        number += 1


def _full():
    raise OSError(errno.ENOSPC, "No space left on device")


def _closed():
    raise PermissionError(errno.EACCES, "Permission denied")


def _full_in_cpp():
    raise tf.errors.ResourceExhaustedError(None, None, "No space left")


@pytest.mark.parametrize("stop", [_full, _closed, _full_in_cpp])
def test_a_disk_that_fails_at_each_operation(untried, tmp_path, stop):
    base = tmp_path / "served" / "flowers"
    operations = []
    for error, operation in _stop_each(base, stop, OSError):
        operations.append(operation)
        assert "nothing was published" in str(error)
        assert str(base) in str(error)
        assert "Make room on the disk or allow to write" in str(error)
        if base.exists():
            assert list(base.iterdir()) == [], operation
    # Folders and files, the SavedModel, permissions, and at last the name.
    assert {"os.mkdir", "open", "save", "os.chmod"} <= set(operations)
    assert operations[-1] == "os.rename"
    assert _visible(base) == ["1"]


def test_an_interrupt_at_each_operation(untried, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    base = tmp_path / "flowers"
    count = 0
    for _ in _stop_each(base, interrupt, KeyboardInterrupt):
        count += 1
        assert not base.exists() or list(base.iterdir()) == []
    assert count > 10
    assert _visible(base) == ["1"]


def test_files_that_cannot_grow(untried, tmp_path):
    # Here C++ itself fails to write the variables.
    resource = pytest.importorskip("resource")
    inputs = keras.Input((100,), name="numbers")
    outputs = keras.layers.Dense(200, name="out")(inputs)
    model = keras.Model(inputs, outputs)
    kind = resource.RLIMIT_FSIZE
    former = resource.getrlimit(kind)
    resource.setrlimit(kind, (50_000, former[1]))
    try:
        with pytest.raises(OSError, match="nothing was published.*Make room"):
            kt.export.save(model, tmp_path)
    finally:
        resource.setrlimit(kind, former)
    assert list(tmp_path.iterdir()) == []


def test_a_base_folder_that_is_a_file(untried, tmp_path):
    (tmp_path / "flowers").write_text("no folder")
    with pytest.raises(OSError, match="nothing was published"):
        _publish(tmp_path / "flowers")
    assert (tmp_path / "flowers").read_text() == "no folder"


def test_a_model_that_cannot_be_traced_is_no_disk_error(
    untried, monkeypatch, tmp_path
):
    def fail(*args):
        raise tf.errors.InvalidArgumentError(None, None, "not of this shape")

    monkeypatch.setattr(publication.saved_model, "write", fail)
    with pytest.raises(tf.errors.InvalidArgumentError):
        _publish(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_kill_at_each_operation(tmp_path):
    base = tmp_path / "flowers"
    found = subprocess.run(
        [sys.executable, "-m", "tests.export.killed_exports", str(base)],
        check=True,
        capture_output=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    *killed, last = json.loads(found.stdout)
    assert last == ["exit 0", [*last[1][:-1], "1"], []]
    operations = [operation for operation, _, _ in killed]
    assert operations[-1] == "os.rename"
    assert {"os.mkdir", "open", "save", "after save"} <= set(operations)
    for operation, names, problems in killed:
        assert problems == [], operation
        assert all(name.startswith(".partial_") for name in names), operation


def test_two_exports_at_once_are_two_versions(untried, monkeypatch, tmp_path):
    barrier = threading.Barrier(2)
    last_version = publication._last_version
    first = threading.local()

    def at_the_same_time(folder):
        number = last_version(folder)
        if not hasattr(first, "time"):
            first.time = True
            barrier.wait(30)  # both want the same number
        return number

    monkeypatch.setattr(publication, "_last_version", at_the_same_time)
    served, signature = exported.predict_signature(exported.number_model())
    reports, errors = [], []

    def export():
        try:
            reports.append(
                publication.publish(
                    tmp_path,
                    served,
                    {"predict": signature},
                    {"predict": ROWS},
                    default="predict",
                    facts={},
                )
            )
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=export) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(report.path.name for report in reports) == ["1", "2"]
    assert _visible(tmp_path) == ["1", "2"]
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]
