"""What the probes share, and that they stand alone."""

import ast
import json
import pathlib
import sys
import types

import ml_dtypes
import numpy as np
import pytest

from keras_transfer.export.probes import job

FOLDER = pathlib.Path(job.__file__).parent


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("job.py", {"numpy", "ml_dtypes"}),
        ("c_api.py", {"numpy", "ml_dtypes"}),
        ("graph_session.py", {"numpy", "tensorflow"}),
    ],
)
def test_probes_import_nothing_else(name, packages):
    imported = set()
    for node in ast.walk(ast.parse((FOLDER / name).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names <= packages


def test_arrays_come_back(tmp_path):
    arrays = {
        "file": np.array([1.5, 2.5], ml_dtypes.bfloat16),
        "a/b": np.array([b"a\0", b""], dtype=object),
        "allow_pickle": np.array(True),
    }
    dtypes = job.write_arrays(tmp_path / "arrays.npz", arrays)
    assert dtypes == {"file": "bfloat16"}
    back = job.read_arrays(tmp_path / "arrays.npz", dtypes)
    assert list(back) == list(arrays)
    for key, array in arrays.items():
        assert back[key].dtype == array.dtype
        assert back[key].tolist() == array.tolist()


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A job of two calls, of which the first one's input is 1."""
    calls = []
    for number in (1, 2):
        path = str(tmp_path / f"given_{number}.npz")
        job.write_arrays(path, {"x": np.array(number)})
        calls.append(
            {
                "inputs": {"x": "x:0"},
                "outputs": {"y": "y:0"},
                "given": path,
                "results": str(tmp_path / f"results_{number}.npz"),
                "repeat": number,
                "dtypes": {},
            }
        )
    contents = {"calls": calls, "packages": ["/here", "/there"]}
    contents["report"] = str(tmp_path / "report.json")
    (tmp_path / "job.json").write_text(json.dumps(contents))
    monkeypatch.setattr(sys, "argv", ["probe", str(tmp_path / "job.json")])
    # Put back afterwards, as `main` changes them.
    monkeypatch.setattr(sys, "path", ["/here"])
    for name in job.BLOCKED:
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name))
    return tmp_path


def _report(work):
    return json.loads((work / "report.json").read_text())


def _describe(error):
    return "BAD", str(error)


def test_the_report_grows_with_the_calls(work):
    seen = []

    def load(contents, disable_xla):
        # Nothing may import them from here on.
        assert [sys.modules[name] for name in job.BLOCKED] == [None] * 4
        assert sys.path == ["/here", "/there"]

        def run(feeds, fetches):
            seen.append(len(_report(work)["calls"]))
            if feeds["x:0"] == 1:
                raise ValueError("one is refused")
            return dict.fromkeys(fetches, feeds["x:0"] * 10)

        return run

    job.main(load, _describe)
    assert seen == [0, 1, 1]
    report = _report(work)
    assert report["load"]["ok"]
    refused, answered = report["calls"]
    assert (refused["code"], refused["message"]) == ("BAD", "one is refused")
    assert answered["ok"]
    assert len(answered["seconds"]) == 2
    results = job.read_arrays(work / "results_2.npz", answered["dtypes"])
    assert results["y"] == 20


def test_a_load_that_fails_is_all_there_is(work):
    def load(contents, disable_xla):
        raise OSError("nothing there")

    job.main(load, _describe)
    assert _report(work) == {
        "load": {"ok": False, "code": "BAD", "message": "nothing there"},
        "calls": [],
    }


def test_a_library_that_cannot_switch_xla_off_is_no_error():
    called = []
    library = types.SimpleNamespace(
        **{job.DISABLE_XLA: lambda: called.append(1)}
    )
    job.disable_xla(library)
    job.disable_xla(types.SimpleNamespace())
    assert called == [1]


def test_memory_is_that_of_this_process():
    if not sys.platform.startswith("linux"):
        assert job.peak_bytes() is None
        return
    before = job.peak_bytes()
    block = np.ones(2**26, "uint8")
    assert before > 2**20
    assert job.peak_bytes() >= before
    del block
