"""Stops a program at its nth operation on files, whichever that is.

Python tells its audit hooks of an operation before it does it, and does not
do it if a hook raises. What TensorFlow's C++ does is unseen; the functions that
lead there are wrapped instead.
"""

import contextlib
import os
import sys
import unittest.mock

import tensorflow as tf

_EVENTS = ("os.mkdir", "os.rename", "os.chmod", "tempfile.mkdtemp")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_watching = []


def _functions():
    """What leads to C++ that writes.

    Looked up when it is needed: TensorFlow loads its own modules lazily, and
    one at hand since the import may not be the one that is called.
    """
    return (
        (tf.saved_model, "save"),
        (tf.compat.v1.saved_model.signature_def_utils, "MethodNameUpdater"),
        (tf.io, "TFRecordWriter"),
    )


class Watch:
    """Counts the operations below a folder, and stops the chosen one.

    Args:
        folder: The folder.
        number: Number of the operation, from 0, at which `stop` is called.
        stop: Function without arguments.

    Attributes:
        seen: Names of the operations until now.
        reached: Whether the chosen one came.
    """

    def __init__(self, folder, number, stop):
        self.folder = str(folder)
        self.number = number
        self.stop = stop
        self.seen = []
        self.reached = False

    def operation(self, name):
        """Takes note of an operation that is about to happen."""
        if self.reached:
            return  # what cleans up is left in peace
        self.seen.append(name)
        if len(self.seen) - 1 == self.number:
            self.reached = True
            self.stop()


@contextlib.contextmanager
def watching(watch):
    """Lets a `Watch` see what happens."""
    if not _watching:
        sys.addaudithook(_hook)  # for good: a hook cannot be removed
        _watching.append(None)
    _watching[0] = watch
    with contextlib.ExitStack() as stack:
        for module, name in _functions():
            function = getattr(module, name)
            stack.enter_context(
                unittest.mock.patch.object(
                    module, name, _wrapped(watch, name, function)
                )
            )
        try:
            yield watch
        finally:
            _watching[0] = None


def _wrapped(watch, name, function):
    def run(*args, **kwargs):
        watch.operation(name)
        result = function(*args, **kwargs)
        watch.operation(f"after {name}")
        return result

    return run


def _hook(event, arguments):
    watch = _watching[0] if _watching else None
    if watch is None or not _is_change(event, arguments):
        return
    path = arguments[0]
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if str(path).startswith(watch.folder):
        watch.operation(event)


def _is_change(event, arguments):
    if event == "open":
        path, _, flags = arguments
        return not isinstance(path, int) and bool(flags & _WRITING)
    return event in _EVENTS
