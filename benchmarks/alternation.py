"""Processes of a benchmark that take turns, so that none disturbs another.

TensorFlow and PyTorch each keep a pool of threads, and both in one process
compete. So each side of a comparison works in a process of its own, which
sleeps on its standard input while another side works. Questions and answers
are JSON, one a line. This module imports neither framework.
"""

import fnmatch
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import numpy as np

#: Of the checks. In float64 only rounding is left; in float32 an activation on
#: the other side of a ReLU may change a gradient by some percent.
DTYPES = ("float32", "float64")
#: Sleep between two turns, until the threads of the last one sleep too.
PAUSE = 0.1


class WorkerError(RuntimeError):
    """A worker ended instead of answering."""


class Worker:
    """The driver's end of one side.

    Args:
        python: Path of the interpreter.
        script: Path of a script that calls `serve`.
        threads: How many threads, and at most as many processors.
    """

    def __init__(self, python, script, threads):
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        self.process = subprocess.Popen(
            [str(python), str(script), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        # Threads that it starts later keep to them too.
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(self.process.pid, processors[:threads])

    def ask(self, do, **arguments):
        """What the worker's function `do` returns."""
        try:
            self.process.stdin.write(json.dumps([do, arguments]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self.process.wait()
            raise WorkerError(f"The worker ended in {do!r}, status {status}.")
        return json.loads(line)

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def serve(functions):
    """Answers questions until the driver closes the pipe.

    Args:
        functions: Dict of the functions that the driver may ask for.
    """
    # What libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    imported = memory_mb("VmRSS")
    functions = {**functions, "memory": lambda: memory(imported)}
    for line in sys.stdin:
        do, arguments = json.loads(line)
        answers.write(json.dumps(functions[do](**arguments)) + "\n")
        answers.flush()


def timed(run, steps):
    """Wall and CPU milliseconds per step of `run(steps)`, all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(steps)
    return {
        "wall": 1000 * (time.perf_counter() - wall) / steps,
        "cpu": 1000 * (time.process_time() - cpu) / steps,
    }


def memory(imported):
    """High-water mark of resident memory, and what the imports took."""
    return {
        "peak_mb": round(memory_mb("VmHWM")),
        "imported_mb": round(imported),
    }


def memory_mb(kind):
    """A figure of this process's status, which a parent's does not reach."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    line = next(x for x in status.splitlines() if x.startswith(kind))
    return int(line.split()[1]) / 1024


def alternate(workers, rounds, seconds):
    """Times of all sides, taking turns.

    Args:
        workers: Dict of prepared `Worker`s that know `run`.
        rounds: How many turns each one has.
        seconds: About how long a turn takes; at least one step.

    Returns:
        For each side a dict of `wall`, `cpu` (medians, milliseconds per
        step), `fastest` (of wall), `steps` (in a turn) and `rounds`.
    """
    steps = {}
    for name, worker in workers.items():
        worker.ask("run", steps=1)  # traces, allocates
        taken = worker.ask("run", steps=1)["wall"] / 1000
        steps[name] = max(1, round(seconds / taken))
    times = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            time.sleep(PAUSE)
            times[name].append(worker.ask("run", steps=steps[name]))
    return {
        name: {
            "wall": round(float(np.median([t["wall"] for t in turns])), 1),
            "cpu": round(float(np.median([t["cpu"] for t in turns])), 1),
            "fastest": round(min(t["wall"] for t in turns), 1),
            "steps": steps[name],
            "rounds": rounds,
        }
        for name, turns in times.items()
    }


def difference(ours, theirs):
    """Relative distance of two lists of arrays: of all, and of the worst."""

    def relative(a, b):
        return float(np.linalg.norm(a - b) / np.linalg.norm(b))

    pairs = [
        (np.ravel(a).astype("float64"), np.ravel(b).astype("float64"))
        for a, b in zip(ours, theirs, strict=True)
    ]
    return {
        "all": relative(*map(np.concatenate, zip(*pairs, strict=True))),
        "worst_variable": max(relative(a, b) for a, b in pairs),
    }


def compare(results, folder):
    """Adds how far the meta-gradients are from the first side's in float64."""

    def gradients(side, dtype):
        with np.load(folder / f"{side}_{dtype}.npz") as file:
            return list(file.values())

    reference = gradients(next(iter(results)), "float64")
    for side, result in results.items():
        result["gradient"] = {
            dtype: difference(gradients(side, dtype), reference)
            for dtype in DTYPES
        }


def chosen(names, patterns):
    return [
        name
        for name in names
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
    ]


def about(script, versions):
    """What every record begins with.

    Args:
        script: Path of the driver in the repository.
        versions: Those that the workers tell.
    """
    packages = ("keras", "numpy", "keras-transfer")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"python {script} {' '.join(sys.argv[1:])}",
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
            **versions,
        },
    }
