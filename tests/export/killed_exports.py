"""Exports that are killed at each of their operations on files.

    python -m tests.export.killed_exports FOLDER

A program of its own: every export is a fork of it, which is safe as long as
TensorFlow has been imported and nothing has been run. Prints a JSON list of
`[operation, names in the folder after the kill, problems]`, the last of the
export that came through.
"""

import json
import os
import pathlib
import signal
import sys

import numpy as np

from keras_transfer.export import model_card
from keras_transfer.export import publication
from keras_transfer.export import verification
from keras_transfer.export.versioning import version_folders
from tests.export import exported
from tests.export import faults


def _export(base, number, pipe):
    """In the fork: an export that kills itself at an operation."""
    verification.try_out = exported.nothing_tried

    def kill():
        os.write(pipe, watch.seen[-1].encode())
        os.kill(os.getpid(), signal.SIGKILL)

    watch = faults.Watch(base, number, kill)
    served, signature = exported.predict_signature(exported.number_model())
    inputs = signature.samples({"numbers": np.ones((3, 4), "float32")})
    with faults.watching(watch):
        publication.publish(
            base,
            served,
            {"predict": signature},
            {"predict": inputs},
            default="predict",
            facts={},
            class_names=["no", "yes"],
            batching=4,
        )


def problems(base):
    """What is wrong with the versions that a server sees."""
    if not base.exists():
        return []
    versions = version_folders.find(base).values()
    found = [version_folders.problem(version) for version in versions]
    found += [str(model_card.changed_files(version)) for version in versions]
    return [words for words in found if words not in (None, "[]")]


def main():
    """Kills one export after another, until one is through."""
    base = pathlib.Path(sys.argv[1])
    results = []
    while True:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            status = 1
            try:
                _export(base, len(results), writing)
                status = 0
            finally:
                os._exit(status)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as pipe:
            operation = pipe.read().decode()
        names = sorted(os.listdir(base)) if base.exists() else []
        results.append([operation, names, problems(base)])
        if os.WIFEXITED(status):
            results[-1][0] = f"exit {os.WEXITSTATUS(status)}"
            break
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
