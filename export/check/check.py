"""Runs the recorded inputs of an export through `load.cc`.

    python export/check/check.py served/flowers/1

Builds the C++ program if need be, and gives it what `kt.export.save` recorded
in the version's `assets.extra/samples`: each signature must answer as the
model in memory did. Exit status 0 if all do, 1 if one does not, 2 if the
command is wrong. Linux with a C++ compiler.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / "build" / "load"
SOURCES = ("load.cc", "tensor_files.h", "build.sh")

#: Of the process: no GPU, no log, and no XLA asked for.
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}

LOG_LINE = re.compile(r"[IWE]0000 |WARNING: All log messages before ")


@dataclasses.dataclass(frozen=True)
class Result:
    """What `load` did.

    Attributes:
        status: Its exit status, explained in its usage text.
        lines: The lines that it printed.
        error: What it wrote to standard error, without TensorFlow's log.
        outputs: Dict from key to array, of the outputs that were asked for.
    """

    status: int
    lines: list
    error: str
    outputs: dict


def build(program=PROGRAM):
    """Builds `load.cc` unless that was done after its last change.

    Raises:
        RuntimeError: If it cannot be built, with the compiler's words.
    """
    program = pathlib.Path(program)
    changed = max((HERE / name).stat().st_mtime for name in SOURCES)
    if program.exists() and program.stat().st_mtime > changed:
        return program
    run = subprocess.run(
        [str(HERE / "build.sh"), str(program)],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise RuntimeError(f"load.cc cannot be built: {run.stderr[-2000:]}")
    return program


def write_tensor(stem, array):
    """Writes an array as `stem.npy`, strings as `stem.strings`.

    Returns:
        The path.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "OSU":
        path = pathlib.Path(f"{stem}.npy")
        np.save(path, np.asarray(array, order="C"))
        return path
    path = pathlib.Path(f"{stem}.strings")
    with path.open("wb") as file:
        shape = " ".join(map(str, array.shape))
        file.write(f"strings {shape}".rstrip().encode() + b"\n")
        for string in array.astype(object).flat:
            string = string.encode() if isinstance(string, str) else string
            file.write(b"%d\n%s\n" % (len(string), string))
    return path


def read_tensor(path):
    """Reads what `write_tensor` or `load` wrote."""
    path = pathlib.Path(path)
    if path.suffix == ".npy":
        return np.load(path)
    with path.open("rb") as file:
        shape = [int(size) for size in file.readline().split()[1:]]
        strings = np.empty(shape, dtype=object)
        for row in range(strings.size):
            size = int(file.readline())
            strings.flat[row] = file.read(size)
            file.read(1)
    return strings


def run(
    program, folder, signature, inputs, expected=None, outputs=None, more=()
):
    """Runs a signature through `load`.

    Args:
        program: Path of the built program.
        folder: Folder of the version.
        signature: Name of the signature.
        inputs: Dict from key to array.
        expected: Dict from key to array, of outputs to compare.
        outputs: Dict from key to `".npy"` or `".strings"`, of outputs to read
            back.
        more: Further words of the command.

    Returns:
        A `Result`.
    """
    command = [str(program), str(folder), signature, *more]
    with tempfile.TemporaryDirectory() as work:
        for kind, arrays in (("input", inputs), ("expected", expected or {})):
            for number, (key, array) in enumerate(arrays.items()):
                path = write_tensor(f"{work}/{kind}_{number}", array)
                command += [f"--{kind}", f"{key}={path}"]
        paths = {
            key: f"{work}/output_{number}{suffix}"
            for number, (key, suffix) in enumerate((outputs or {}).items())
        }
        for key, path in paths.items():
            command += ["--output", f"{key}={path}"]
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        read = {}
        if done.returncode in (0, 3):
            read = {key: read_tensor(path) for key, path in paths.items()}
    lines = done.stdout.splitlines()
    return Result(done.returncode, lines, _without_log(done.stderr), read)


def environment():
    """The environment of the program."""
    found = {**os.environ, **ENVIRONMENT}
    found.pop("TF_XLA_FLAGS", None)
    return found


def _without_log(text):
    """Some lines come before TensorFlow knows that it shall be silent."""
    lines = text.splitlines()
    return "\n".join(line for line in lines if not LOG_LINE.match(line))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a version, as served/flowers/1")
    parser.add_argument("--tolerance", default="1e-5")
    parser.add_argument("--repeat", default="0", help="also print latencies")
    arguments = parser.parse_args()
    # Here, as the functions above need neither.
    from keras_transfer.export import probes
    from keras_transfer.export import samples

    try:
        names = list(probes.signatures(arguments.folder))
        program = build()
    except (ValueError, RuntimeError) as error:
        parser.error(str(error))
    recorded = samples.read(arguments.folder)
    more = ["--tolerance", arguments.tolerance, "--repeat", arguments.repeat]
    is_fine = bool(recorded)
    for name in names:
        if name not in recorded:
            print(f"{name:20s} no recorded inputs")
            continue
        inputs, expected = recorded[name]
        result = run(
            program, arguments.folder, name, inputs, expected, more=more
        )
        is_fine &= result.status == 0
        print(f"{name:20s} {'fails' if result.status else 'passes'}")
        for line in result.lines:
            if line.startswith(("difference", "latency")):
                print(f"    {line}")
        if result.status:
            print(f"    {result.error}")
    if not recorded:
        print("Nothing was compared: the version has no assets.extra/samples.")
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
