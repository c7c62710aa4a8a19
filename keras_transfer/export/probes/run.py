"""Starts a probe and reads what it found."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.export.probes import job as job_format

#: Probes by name. Each is a program beside this file.
LOADERS = ("graph_session", "c_api")

LIBRARY = "libtensorflow_cc.so.2"


class ProbeError(RuntimeError):
    """A probe did not get through its job.

    Args:
        code: `"CRASHED"` for a process that died, `"DEADLINE_EXCEEDED"` for
            one that was killed, else what the loader answered to the folder,
            such as `"NOT_FOUND"`.
        message: What happened.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Availability:
    """Whether something can be used here, as a truth value, and why not."""

    is_available: bool
    reason: str = ""

    def __bool__(self):
        return self.is_available


class Call(NamedTuple):
    """One call of a signature.

    Attributes:
        signature_inputs: Dict from the input's key to its `TensorInfo`, as in
            a `Signature`, or to the tensor's name.
        signature_outputs: The same for the outputs.
        given: Dict from the input's key to its array. Strings may be `str`,
            `bytes` or objects of these.
        repeat: How often to run it, for its times.
    """

    signature_inputs: dict
    signature_outputs: dict
    given: dict
    repeat: int = 1


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of a call.

    Attributes:
        ok: Whether there are outputs.
        outputs: Dict from the output's key to its array; strings are arrays
            of `bytes` objects. `None` if not `ok`.
        seconds: The time of each repeat. The first one is slower.
        code: If not `ok` the error's code, such as `"INVALID_ARGUMENT"`, or
            the name of a Python exception, such as `"ValueError"`, if Python
            refused the inputs before the graph saw them.
        message: The error's message.
        peak_bytes: The most memory that the process had until then, or `None`
            where it cannot be told.
    """

    ok: bool
    outputs: dict | None = None
    seconds: tuple = ()
    code: str = ""
    message: str = ""
    peak_bytes: int | None = None


def is_available(loader):
    """Tells whether a loader works here.

    Args:
        loader: `"graph_session"` or `"c_api"`.

    Returns:
        An object that is true or false, with the `reason` why not.

    Raises:
        ValueError: If the loader is unknown.

    Example:

    >>> from keras_transfer.export import probes
    >>> bool(probes.is_available("graph_session"))
    True
    """
    if loader not in LOADERS:
        raise unknown_name("loader", loader, LOADERS)
    if loader == "graph_session" or _library() is not None:
        return Availability(True)
    if not sys.platform.startswith("linux"):
        return Availability(False, f"the C API is not used on {sys.platform}")
    folder = tf.sysconfig.get_lib()
    return Availability(False, f"there is no {LIBRARY} in {folder}")


def run(loader, folder, calls, tags=("serve",), timeout=300):
    """Loads a SavedModel in a process of its own and calls its signatures.

    The process imports neither Keras nor this package, sees no GPU, and has
    XLA off as a server has (on Linux). An error in one call is its answer and
    does not end the others.

    Args:
        loader: `"graph_session"` for TensorFlow's session in Python, the
            loader of TF Serving; `"c_api"` for the same without Python's
            TensorFlow, which alone shows what the graph does with wrong
            shapes and dtypes: Python refuses or casts them.
        folder: Folder of the SavedModel.
        calls: The `Call`s, in order.
        tags: Tags of the graph to load.
        timeout: Seconds after which the process is killed.

    Returns:
        A list with an `Answer` for each call.

    Raises:
        ValueError: If the loader is unknown or not available, or a call is
            given an input that the signature does not have.
        ProbeError: If the folder cannot be loaded, or the process dies or
            takes too long.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> import tensorflow as tf
    >>> from keras_transfer.export import probes
    >>> module = tf.Module()
    >>> module.double = tf.function(
    ...     lambda x: {"doubled": 2 * x},
    ...     input_signature=[tf.TensorSpec((None,), name="x")],
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tf.saved_model.save(module, folder, signatures=module.double)
    ...     signature = probes.signatures(folder)["serving_default"]
    ...     x = np.ones(2, "float32")
    ...     call = probes.Call(signature.inputs, signature.outputs, {"x": x})
    ...     (answer,) = probes.run("graph_session", folder, [call])
    >>> answer.outputs["doubled"]
    array([2., 2.], dtype=float32)
    """
    available = is_available(loader)
    if not available:
        raise invalid_argument(
            "loader", loader, f"one that works here, but {available.reason}"
        )
    with tempfile.TemporaryDirectory(prefix="keras_transfer_probe_") as work:
        job = _job(pathlib.Path(work), folder, calls, tags)
        path = pathlib.Path(work, "job.json")
        path.write_text(json.dumps(job), "utf-8")
        failure = _start(loader, path, timeout)
        report = _report(job)
        load = report.get("load", {"ok": True})
        if not load["ok"]:
            message = f"{folder} cannot be loaded: {load['message']}"
            raise ProbeError(load["code"], message)
        if failure is not None or len(report["calls"]) < len(calls):
            code, message = failure or ("CRASHED", "It stopped too early.")
            where = f"in call {len(report['calls']) + 1} of {len(calls)}"
            if "load" not in report:
                where = "while it loaded"
            message = f"The {loader} probe of {folder} ended {where}. {message}"
            raise ProbeError(code, message)
        return [
            _answer(call, found)
            for call, found in zip(job["calls"], report["calls"], strict=True)
        ]


def _job(work, folder, calls, tags):
    """The job as JSON, its inputs written to the folder `work`."""
    jobs = []
    for number, call in enumerate(calls):
        for key in call.given:
            if key not in call.signature_inputs:
                raise unknown_name("given", key, call.signature_inputs)
        given = {key: _storable(value) for key, value in call.given.items()}
        path = str(work / f"given_{number}.npz")
        jobs.append(
            {
                "inputs": _names(call.signature_inputs),
                "outputs": _names(call.signature_outputs),
                "given": path,
                "results": str(work / f"results_{number}.npz"),
                "repeat": call.repeat,
                "dtypes": job_format.write_arrays(path, given),
            }
        )
    library = _library()
    return {
        "folder": str(pathlib.Path(folder).absolute()),
        "tags": list(tags),
        "library": None if library is None else str(library),
        "packages": sorted(
            str(pathlib.Path(package.__file__).parents[1])
            for package in (np, tf)
        ),
        "calls": jobs,
        "report": str(work / "report.json"),
    }


def _names(infos):
    return {
        key: info if isinstance(info, str) else info.name
        for key, info in infos.items()
    }


def _storable(value):
    """The value as an array, its strings as `bytes` objects."""
    # NumPy's own bytes lose zeros at their end, and do not mix with text.
    is_python = isinstance(value, list | tuple | str | bytes)
    array = np.array(value, dtype=object) if is_python else np.asarray(value)
    if is_python and not any(isinstance(x, str | bytes) for x in array.flat):
        return np.asarray(value)
    if array.dtype.kind not in "OSU":
        return array
    strings = np.empty(array.shape, dtype=object)
    for row, string in enumerate(array.flat):
        if not isinstance(string, str | bytes):
            raise invalid_argument("given", string, "a string among strings")
        is_text = isinstance(string, str)
        strings.flat[row] = string.encode() if is_text else bytes(string)
    return strings


def _start(loader, path, timeout):
    """Runs a probe to its end; `(code, message)` if that was a bad one."""
    program = pathlib.Path(__file__).with_name(f"{loader}.py")
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    # It may ask for XLA, which no server has on.
    environment.pop("TF_XLA_FLAGS", None)
    try:
        process = subprocess.run(
            [sys.executable, "-I", str(program), str(path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        message = f"It was killed after {timeout} seconds: raise `timeout`."
        return "DEADLINE_EXCEEDED", message
    if process.returncode == 0:
        return None
    lines = process.stderr.decode("utf-8", "replace").strip().splitlines()
    # Of a C++ process the stack comes last, without names.
    end = "\n".join([x for x in lines if not x.startswith("    @")][-5:])
    return "CRASHED", f"It exited with status {process.returncode}: {end}"


def _report(job):
    path = pathlib.Path(job["report"])
    if not path.exists():
        return {"calls": []}
    return json.loads(path.read_text("utf-8"))


def _answer(call, found):
    if not found["ok"]:
        return Answer(**found)
    return Answer(
        ok=True,
        outputs=job_format.read_arrays(call["results"], found["dtypes"]),
        seconds=tuple(found["seconds"]),
        peak_bytes=found["peak_bytes"],
    )


def _library():
    """The path of TensorFlow's C++ library, or `None`."""
    path = pathlib.Path(tf.sysconfig.get_lib(), LIBRARY)
    is_usable = sys.platform.startswith("linux") and path.exists()
    return path if is_usable else None
