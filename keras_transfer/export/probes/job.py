"""What the probes share: the format of a job and the order of its steps.

A probe is started with the path of a JSON file:

    {
        "folder": "served/flowers/1",
        "tags": ["serve"],
        "library": "/.../libtensorflow_cc.so.2",    or null
        "packages": ["/.../site-packages"],
        "calls": [
            {
                "inputs": {"image": "predict_image:0"},
                "outputs": {"logits": "StatefulPartitionedCall:0"},
                "given": "/.../given_0.npz",
                "results": "/.../results_0.npz",
                "repeat": 1,
                "dtypes": {}
            }
        ],
        "report": "/.../report.json"
    }

and writes the report, anew after each call, so that it shows how far a
process came that died:

    {
        "load": {"ok": true, "seconds": 0.3},
        "calls": [
            {"ok": true, "seconds": [0.01], "dtypes": {}, "peak_bytes": 300000},
            {"ok": false, "code": "INVALID_ARGUMENT", "message": "...",
             "peak_bytes": 300000}
        ]
    }

A load that fails is `{"ok": false, "code": ..., "message": ...}`. The arrays
are in `.npz` files, see `write_arrays`.

This file is run by its path, beside TensorFlow or without it: it imports NumPy
and nothing of this package.
"""

import json
import os
import pathlib
import sys
import time

import numpy as np

#: What no server has. They are installed here and must not be needed.
BLOCKED = ("keras", "keras_transfer", "tensorflow_hub", "tf_keras")

#: `tensorflow::DisableXlaCompilation()`, as compilers write it.
DISABLE_XLA = "_ZN10tensorflow21DisableXlaCompilationEv"

#: Before each name in an `.npz` file: `file` alone is an argument of NumPy's.
PREFIX = "tensor:"


def main(load, describe):
    """Does the job whose path is the program's argument.

    Args:
        load: Function of the job, and of `disable_xla`, that loads the job's
            folder and returns a function `(feeds, fetches)` from `{tensor
            name: array}` and `{key: tensor name}` to `{key: array}`.
        describe: Function from an exception to `(code, message)`.
    """
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    sys.modules.update(dict.fromkeys(BLOCKED))
    # Found last: where `-I` hides them, as in a user's own site-packages.
    sys.path += [path for path in job["packages"] if path not in sys.path]
    report = {"calls": []}
    start = time.perf_counter()
    try:
        run = load(job, disable_xla)
    except Exception as error:
        report["load"] = _failure(error, describe)
        _write_report(job, report)
        return
    report["load"] = {"ok": True, "seconds": time.perf_counter() - start}
    _write_report(job, report)
    for call in job["calls"]:
        given = read_arrays(call["given"], call["dtypes"])
        try:
            answer = _answer(run, call, given)
        except Exception as error:
            answer = _failure(error, describe)
        report["calls"].append({**answer, "peak_bytes": peak_bytes()})
        _write_report(job, report)


def _answer(run, call, given):
    feeds = {call["inputs"][key]: array for key, array in given.items()}
    seconds = []
    for _ in range(call["repeat"]):
        start = time.perf_counter()
        outputs = run(feeds, call["outputs"])
        seconds.append(time.perf_counter() - start)
    dtypes = write_arrays(call["results"], outputs)
    return {"ok": True, "seconds": seconds, "dtypes": dtypes}


def _failure(error, describe):
    code, message = describe(error)
    return {"ok": False, "code": code, "message": message}


def _write_report(job, report):
    partial = job["report"] + ".partial"
    pathlib.Path(partial).write_text(json.dumps(report), "utf-8")
    os.replace(partial, job["report"])


def disable_xla(library):
    """Switches XLA off in TensorFlow's C++ library, as a server is built.

    Args:
        library: The library, a `ctypes.CDLL`. A version of it without the
            function keeps XLA on: then less is found out, and nothing broken.
    """
    disable = getattr(library, DISABLE_XLA, None)
    if disable is not None:
        disable()


def write_arrays(path, arrays):
    """Writes arrays by name, among them strings and bfloat16.

    Strings are arrays of `bytes` objects, which NumPy pickles: its own bytes
    would lose zeros at their end. What NumPy has no type for is written as
    integers of the same width.

    Args:
        path: Path of the `.npz` file.
        arrays: Dict from name to array.

    Returns:
        Dict from name to the name of the dtype, of arrays written as integers.
    """
    dtypes, stored = {}, {}
    for key, array in arrays.items():
        if array.dtype.name == "bfloat16":
            dtypes[key] = array.dtype.name
            array = array.view(np.uint16)
        stored[PREFIX + key] = array
    with open(path, "wb") as file:
        np.savez(file, **stored)
    return dtypes


def read_arrays(path, dtypes):
    """Reads what `write_arrays` wrote.

    Args:
        path: Path of the `.npz` file. It is unpickled: own files only.
        dtypes: What `write_arrays` returned.

    Returns:
        Dict from name to array.
    """
    with np.load(path, allow_pickle=True) as file:
        arrays = {key.removeprefix(PREFIX): file[key] for key in file.files}
    for key in dtypes:
        import ml_dtypes  # which TensorFlow brings along

        arrays[key] = arrays[key].view(ml_dtypes.bfloat16)
    return arrays


def peak_bytes():
    """The most memory that this process had, or `None` where unknown."""
    try:
        status = pathlib.Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    # Not getrusage's: a child inherits its parent's there.
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return None
