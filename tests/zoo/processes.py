"""Processes that start at once: of the package only what downloads."""

import pathlib
import signal
import subprocess
import sys
import time

import keras_transfer

_BEGIN = """
import sys, types

# The modules themselves, without the packages that import all of Keras and
# TensorFlow, which take seconds and which http needs nothing of.
for name in ("keras_transfer", "keras_transfer.zoo"):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [f"{sys.argv[1]}/{name.replace('.', '/')}"]
for name in ("keras", "tensorflow"):
    sys.modules[name] = types.ModuleType(name)
"""


def start(code, *arguments):
    """Starts Python code in a process with pipes for its input and output.

    Args:
        code: The code, whose `sys.argv[2:]` are the arguments.
        *arguments: Are made strings.

    Returns:
        A `subprocess.Popen`.
    """
    root = pathlib.Path(keras_transfer.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", _BEGIN + code, root, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_when_begun(process, partial, size=50_000):
    """Kills a process with SIGKILL once more bytes than `size` have come.

    Args:
        process: What `start` returned.
        partial: The `pathlib.Path` it writes to.
        size: Number of bytes.

    Returns:
        How many bytes there are.
    """
    with process:
        for _ in range(2000):
            if partial.exists() and partial.stat().st_size > size:
                break
            assert process.poll() is None, "it ended before"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    return partial.stat().st_size
