"""How long one answer of an export takes, beside the model in Python.

    python benchmarks/serving_latency.py --out F.json

A small CNN and a MobileNetV2 (96 x 96, random weights), 1 and 32 rows, on the
CPU. Six ways to the same numbers, in turns, all in one run:

- `load_cc`: the signature `predict` of `kt.export.save`, in C++ as a server
  runs it (`export/check/load.cc`, XLA off, without the network);
- `load_cc_bare`: the same of the bare model's own `model.export`, which checks
  no inputs;
- `python_signature`, `python_signature_bare`: the same two, loaded in Python;
- `model_predict`: `model.predict`;
- `model_call`: `model(x)`.

Each turn gives the median of a few runs; the table has the median of the turns,
and of the ratio to the bare export within a turn, which is at most 1.10 or the
export costs too much. Run it on a quiet machine.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# The exports are compared on the CPU; Python would take a GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.cli import output
from keras_transfer.export import probes

CHECK = pathlib.Path(__file__).parents[1] / "export" / "check" / "check.py"
BATCH_SIZES = (1, 32)

#: Of which the ratio is taken, each to the way after it.
PAIRS = {
    "load_cc": "load_cc_bare",
    "python_signature": "python_signature_bare",
}


def small_cnn():
    """A CNN on 28x28x1."""
    inputs = keras.Input((28, 28, 1), name="image")
    x = inputs
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(10, name="logits")(x))


def mobilenet():
    """MobileNetV2 on 96x96x3 with random weights."""
    inputs = keras.Input((96, 96, 3), name="image")
    return keras.applications.MobileNetV2(
        input_tensor=inputs, weights=None, classes=10
    )


MODELS = {"small_cnn": small_cnn, "mobilenet_v2_96": mobilenet}


def check_script():
    """The script that builds and runs `load.cc`, as a module."""
    spec = importlib.util.spec_from_file_location("check", CHECK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class InCpp:
    """An export in a process of `load`, which runs it when told to.

    Args:
        check: The script's module.
        program: Path of `load`.
        folder: Folder of the version.
        name: Name of the signature.
        x: Its one input.
        work: Folder for the input's file.
    """

    def __init__(self, check, program, folder, name, x, work):
        (key,) = probes.signatures(folder)[name].inputs
        path = check.write_tensor(os.path.join(work, f"{len(x)}_{id(self)}"), x)
        self.process = subprocess.Popen(
            [program, folder, name, "--input", f"{key}={path}", "--wait"],
            env=check.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read("waiting")

    def __call__(self, runs):
        """Milliseconds of a run: the median of some."""
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        words = self._read("latency").split()
        return float(words[words.index("median_ms") + 1])

    def close(self):
        self.process.communicate()

    def _read(self, start):
        for line in self.process.stdout:
            if line.startswith(start):
                return line
        raise RuntimeError(f"load ended with {self.process.wait()}")


class InPython:
    """A function of Python, timed in the same manner."""

    def __init__(self, function):
        self.function = function
        self.function()

    def __call__(self, runs):
        """Milliseconds of a run: the median of some."""
        seconds = []
        for _ in range(runs):
            start = time.perf_counter()
            self.function()
            seconds.append(time.perf_counter() - start)
        return 1000 * float(np.median(seconds))

    def close(self):
        pass


def signature_function(folder, name, x):
    """A function that calls a signature in Python."""
    loaded = tf.saved_model.load(folder)
    (key,) = loaded.signatures[name].structured_input_signature[1]
    inputs = {key: tf.constant(x)}

    def run():
        outputs = loaded.signatures[name](**inputs)
        return [output.numpy() for output in outputs.values()]

    return run


def make_ways(model, ours, bare, x, check, program, work):
    """All ways to an answer for `x`."""
    tensor = tf.constant(x)
    exports = {
        "": (ours, "predict"),
        "_bare": (bare, "serving_default"),
    }
    ways = {}
    for suffix, (folder, name) in exports.items():
        ways[f"load_cc{suffix}"] = InCpp(check, program, folder, name, x, work)
        ways[f"python_signature{suffix}"] = InPython(
            signature_function(folder, name, x)
        )
    ways["model_predict"] = InPython(lambda: model.predict(x, verbose=0))
    ways["model_call"] = InPython(lambda: model(tensor).numpy())
    return ways


def measure(ways, runs, rounds):
    """Milliseconds of each way, and the ratios to the bare export."""
    for way in ways.values():
        way(runs)
    times = {name: [] for name in ways}
    # Neighbours in the order are what ratios are taken of.
    order = [name for pair in PAIRS.items() for name in pair]
    order += [name for name in ways if name not in order]
    for turn in range(rounds):
        for name in order if turn % 2 else reversed(order):
            times[name].append(ways[name](runs))
    return {
        "milliseconds": {
            name: round(float(np.median(values)), 4)
            for name, values in times.items()
        },
        "ratio_to_bare": {
            name: round(
                float(np.median(np.divide(times[name], times[other]))), 3
            )
            for name, other in PAIRS.items()
        },
    }


def measure_model(name, check, program, arguments):
    """The results of one model, by the number of rows."""
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    results = {}
    with tempfile.TemporaryDirectory() as work:
        ours = os.fspath(kt.export.save(model, os.path.join(work, "ours")))
        bare = os.path.join(work, "bare", "1")
        model.export(bare, verbose=False)
        for rows in BATCH_SIZES:
            shape = (rows, *model.input_shape[1:])
            x = np.random.default_rng(0).uniform(0, 1, shape)
            ways = make_ways(
                model, ours, bare, x.astype("float32"), check, program, work
            )
            found = measure(ways, arguments.runs, arguments.rounds)
            for way in ways.values():
                way.close()
            results[str(rows)] = found
            for way, milliseconds in found["milliseconds"].items():
                ratio = found["ratio_to_bare"].get(way)
                text = "" if ratio is None else f"  {ratio:.2f} of the bare"
                print(
                    f"{name:16s} {rows:3d} rows  {way:22s} "
                    f"{milliseconds:9.3f} ms{text}",
                    flush=True,
                )
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10, help="in one turn")
    parser.add_argument("--rounds", type=int, default=20, help="turns")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    check = check_script()
    program = check.build()
    results = {
        name: measure_model(name, check, program, arguments)
        for name in arguments.models
    }
    if arguments.out:
        packages = ("tensorflow", "keras", "numpy", "keras-transfer")
        contents = {
            "date": time.strftime("%Y-%m-%d"),
            "command": "python benchmarks/serving_latency.py "
            + " ".join(sys.argv[1:]),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in packages},
            },
            "cpus": os.cpu_count(),
            "runs": arguments.runs,
            "rounds": arguments.rounds,
            "results": results,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
