"""Step time and memory of LoRA, beside Keras' own and full fine-tuning.

    python benchmarks/adapter_speed.py --out F.json

Rows are networks of `adapter_speed_keras`. All sides have the same weights,
the same data and Adam, `fit` with its accuracy, float32, and train the head
besides:

- `keras_transfer`: `finetune.add_adapters` with `LoRA`;
- `keras`: `enable_lora` of all the same layers;
- `full`: all weights.

Each is a process of its own, in turns, with the same number of threads; `jit`
rows compile with XLA, which is Keras' default. `loss` is that after some steps
of gradient descent from the same low-rank factors: equal for both LoRA sides,
but not in attention, where Keras factors a kernel `(width, heads, size)` by its
last axis, and we by inputs and outputs.
`training_mb` is what training takes at most beside the built network: states,
gradients, activations, the compiled step. Run it on a quiet machine.
"""

import argparse
import contextlib
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import alternation

from keras_transfer.cli import output

SIDES = ("keras_transfer", "keras", "full")
WORKER = pathlib.Path(__file__).parent / "adapter_speed_keras.py"
NETWORKS = ("dense", "transformer")
ROWS = {
    f"{network}{' jit' if jit else ''}": {
        "network": network,
        "rank": 8,
        "jit": jit,
    }
    for network in NETWORKS
    for jit in (False, True)
}


def measure_row(row, arguments):
    """Times, memory and loss of one row; also the versions."""
    with contextlib.ExitStack() as stack:
        workers = {}
        for side in SIDES:
            workers[side] = stack.enter_context(
                alternation.Worker(sys.executable, WORKER, arguments.threads)
            )
            versions = workers[side].ask("prepare", side=side, row=row)
        results = alternation.alternate(
            workers, arguments.rounds, arguments.seconds
        )
        for side, worker in workers.items():
            results[side].update(worker.ask("training_memory"))
            results[side].update(worker.ask("check"))
    for result in results.values():
        result["ratio"] = round(result["wall"] / results["keras"]["wall"], 3)
    return results, versions


def print_row(name, results):
    for side, result in results.items():
        print(
            f"{name:16s} {side:15s} {result['wall']:7.1f} ms "
            f"({result['ratio']:.2f})  cpu {result['cpu']:7.1f} ms  "
            f"{result['training_mb']:5d} MB  "
            f"{result['learning_weights']:9,d} weights learn  "
            f"loss {result['loss']:.6f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", default=["*"], help="patterns")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    results = {}
    for name in alternation.chosen(ROWS, arguments.rows):
        results[name], versions = measure_row(ROWS[name], arguments)
        print_row(name, results[name])
    if arguments.out:
        contents = {
            **alternation.about("benchmarks/adapter_speed.py", versions),
            "threads": arguments.threads,
            "results": results,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
