"""How long the export of a ResNet50 takes, with its verification.

    python benchmarks/export_resnet50.py --out F.json

`keras.applications.ResNet50` (25.6 million parameters, random weights, 224 x
224, 1000 class names), exported by `kt.export.save` with the signatures
`predict`, `image_bytes` and `features`; every one is loaded and run in
processes of their own, as a save always does. What counts: at most 90 s on two
cores, and at most 4 GB for the process and its children together.

Memory is the resident set, summed over the processes ten times a second; what
they share is counted in each. Building the model is not part of the time, but
is of the memory. Linux only. Run it on a quiet machine: the load is part of the
result.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# The export is for the CPU here; Python would take a GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import alternation
import keras
import tensorflow as tf

import keras_transfer as kt

SIGNATURES = ("predict", "image_bytes", "features")
MOST_SECONDS = 90.0
MOST_BYTES = 4e9


class PeakMemory:
    """The most memory of this process and its children, while it is open."""

    def __init__(self, interval=0.1):
        self.bytes = 0
        self.interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()

    def _watch(self):
        while not self._ended.wait(self.interval):
            self.bytes = max(self.bytes, tree_bytes(os.getpid()))


def tree_bytes(root):
    """Resident bytes of a process and all below it."""
    parents, resident = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            status = (path / "stat").read_text("ascii", "replace")
            pages = int((path / "statm").read_text("ascii").split()[1])
        except (OSError, IndexError):
            continue  # it has ended meanwhile
        # The name in parentheses may hold spaces.
        parents[int(path.name)] = int(status.rpartition(")")[2].split()[1])
        resident[int(path.name)] = pages * os.sysconf("SC_PAGE_SIZE")
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        total += resident.get(process, 0)
        waiting += [child for child, of in parents.items() if of == process]
    return total


def measure(folder):
    """Exports once; what it took, as a dict."""
    load = os.getloadavg()[0]
    with PeakMemory() as memory:
        model = keras.applications.ResNet50(weights=None)
        built = memory.bytes
        began = time.perf_counter()
        report = kt.export.save(
            model,
            folder,
            class_names=[f"class {number}" for number in range(1000)],
            signatures=SIGNATURES,
        )
        seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 1),
        "peak_bytes": memory.bytes,
        "bytes_before": built,
        "parameters": model.count_params(),
        "largest_difference": report.largest_difference,
        "checks": len(report.checks),
        "passed": report.passed,
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def main():
    """Measures, prints and writes the result."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(folder)
    result = {
        **alternation.about(
            "benchmarks/export_resnet50.py", {"tensorflow": tf.__version__}
        ),
        **found,
        "at_most": {"seconds": MOST_SECONDS, "peak_bytes": MOST_BYTES},
        "met": found["seconds"] <= MOST_SECONDS
        and found["peak_bytes"] <= MOST_BYTES,
        "cores": len(os.sched_getaffinity(0)),
    }
    text = json.dumps(result, indent=1) + "\n"
    sys.stdout.write(text)
    if arguments.out is not None:
        arguments.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
