"""Time and memory of a meta-step of `MAML.fit` beside PyTorch's.

    python benchmarks/meta_step.py --peers-python VENV/bin/python \
        --learn2learn learn2learn-0.2.0.tar.gz --out F.json

28x28 images, four blocks of 64 filters with batch norm, 5-way 1-shot, one
query a class, 32 tasks, Adam's step included: `conv4_arrays` has the networks.
Rows are networks, 1 and 5 inner steps, first and second order. All sides have
the same weights and the same episodes, in turns, each in a process of its own
per row with the same number of threads:

- `keras_transfer`: `MAML.fit` on a `tf.data.Dataset` of the episodes, in
  float32, without XLA, with its accuracy and moving statistics; TensorFlow is
  told that an operation gets one thread (`set_intra_op_parallelism_threads`),
  as the docstring of `MAML` advises, so that tasks share the threads;
- `keras_transfer_shared_ops`: the same without that advice;
- `torch_func_vmap`, `torch_loop`, `learn2learn`, `higher`: see
  `meta_step_torch`.

`gradient` is the relative distance of the meta-gradient of a step of 8 tasks
to ours in float64: of all variables as one vector, and of the worst one. The
one in float64 tells whether two sides compute the same. In float32 rounding
takes an activation of some tasks to the other side of a ReLU or a maximum,
another one on each side, and moves their gradients by up to some percent.
Memory is the high-water mark of the process's resident memory, without the
check; `imported_mb` of it are there after the imports, for TensorFlow mostly
its own code.

The interpreter of the peers needs torch, higher and numpy. learn2learn does
not build on Python 3.11; `pip download --no-deps --no-binary :all:
learn2learn` gets the archive, of which three files are read. Sides that cannot
be had are left out. Run it on a quiet machine; without peers it times ours.
"""

import argparse
import contextlib
import math
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import alternation
import conv4_arrays
import numpy as np

from keras_transfer.cli import output

HERE = pathlib.Path(__file__).parent
OURS = "keras_transfer"
KERAS = (OURS, "keras_transfer_shared_ops")
TORCH_FUNC = ("torch_func_vmap", "torch_loop")
PEERS = (*TORCH_FUNC, "learn2learn", "higher")
WAYS, SHOTS, QUERIES, TASKS = 5, 1, 1, 32
INNER_RATE = 0.02
#: Different batches, one after the other.
BATCHES = 8
#: Of the check, which needs the most memory, in float64.
CHECKED_TASKS = 8
ROWS = {
    f"{network} {steps} {order}": {
        "network": network,
        "inner_steps": steps,
        "first_order": order == "first",
        "inner_rate": INNER_RATE,
        "dtype": "float32",
    }
    for network in ("stride", "pool")
    for steps in (1, 5)
    for order in ("second", "first")
}


def write_arrays(path, seed):
    """Writes the weights and episodes of all sides."""
    weights = conv4_arrays.weights(seed, WAYS)
    data = conv4_arrays.episodes(
        seed + 1, BATCHES * TASKS, WAYS, SHOTS, QUERIES
    )
    np.savez(
        path,
        num_weights=len(weights),
        **{f"w{index}": value for index, value in enumerate(weights)},
        **{
            name: rows.reshape(BATCHES, TASKS, *rows.shape[1:])
            for name, rows in data.items()
        },
    )


def measure_row(row, sides, arguments, folder):
    """Times, memory and check of one row; also the versions of the sides."""
    with contextlib.ExitStack() as stack:
        workers, versions = {}, {}
        for side in sides:
            is_keras = side in KERAS
            workers[side] = stack.enter_context(
                alternation.Worker(
                    sys.executable if is_keras else arguments.peers_python,
                    HERE / f"meta_step_{'keras' if is_keras else 'torch'}.py",
                    arguments.threads,
                )
            )
            versions |= prepare(workers[side], side, row, arguments, folder)
        results = alternation.alternate(
            workers, arguments.rounds, arguments.seconds
        )
        for side, worker in workers.items():
            results[side].update(worker.ask("memory"))
        for side, worker in workers.items():
            check(worker, results[side], side, row, arguments, folder)
    alternation.compare(results, folder)
    return results, versions


def prepare(worker, side, row, arguments, folder):
    """Has a worker build its side; returns its versions."""
    return worker.ask(
        "prepare",
        side=side,
        arrays=str(folder / "arrays.npz"),
        row={**row, "learn2learn": str(arguments.learn2learn)},
    )


def check(worker, result, side, row, arguments, folder):
    """Has a side write meta-gradients, at the weights of the file."""
    for dtype in alternation.DTYPES:
        prepare(worker, side, {**row, "dtype": dtype}, arguments, folder)
        path = folder / f"{side}_{dtype}.npz"
        answer = worker.ask("check", path=str(path), tasks=CHECKED_TASKS)
        result.setdefault("loss", {})[dtype] = answer["loss"]


def print_row(name, results):
    ours = results.get(OURS)
    for side, result in results.items():
        ratio = f"({result['wall'] / ours['wall']:5.2f})" if ours else ""
        print(
            f"{name:15s} {side:25s} {result['wall']:8.0f} ms {ratio}  cpu "
            f"{result['cpu']:8.0f} ms  {result['peak_mb']:6d} MB "
            f"({result['imported_mb']} imported)  loss "
            f"{result['loss']['float64']:.6f}  gradient "
            f"{result['gradient']['float64']['all']:.1e} float32 "
            f"{result['gradient']['float32']['all']:.1e}",
            flush=True,
        )


def summary(results):
    """How much faster ours is, as the geometric mean and the least of rows.

    `torch_func` is the faster of its two sides in each row.
    """
    ratios = {}
    for kind in ("wall", "cpu"):
        for row, sides in results.items():
            if OURS not in sides:
                continue
            times = {side: result[kind] for side, result in sides.items()}
            known = [times[side] for side in TORCH_FUNC if side in times]
            if known:
                times["torch_func"] = min(known)
            for side, value in times.items():
                if side != OURS:
                    found = ratios.setdefault(f"{side} {kind}", {})
                    found[row] = value / times[OURS]
    return {
        name: {
            "geometric_mean": round(geometric_mean(rows.values()), 3),
            "least": round(min(rows.values()), 3),
            "geometric_mean_second_order": round(
                geometric_mean(
                    v for r, v in rows.items() if r.endswith("second")
                ),
                3,
            ),
        }
        for name, rows in ratios.items()
    }


def geometric_mean(values):
    values = list(values)
    if not values:
        return math.nan
    return math.exp(sum(map(math.log, values)) / len(values))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers-python", type=pathlib.Path)
    parser.add_argument("--learn2learn", type=pathlib.Path, help="tar.gz")
    parser.add_argument("--rows", nargs="+", default=["*"], help="patterns")
    parser.add_argument("--sides", nargs="+", default=["*"], help="patterns")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    return parser.parse_args()


def main():
    arguments = parse()
    sides = alternation.chosen((*KERAS, *PEERS), arguments.sides)
    if arguments.peers_python is None:
        sides = [side for side in sides if side in KERAS]
    if arguments.learn2learn is None:
        sides = [side for side in sides if side != "learn2learn"]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_arrays(folder / "arrays.npz", seed=0)
        for name in alternation.chosen(ROWS, arguments.rows):
            results[name], versions = measure_row(
                ROWS[name], sides, arguments, folder
            )
            print_row(name, results[name])
    ratios = summary(results)
    for name, values in ratios.items():
        print(f"times faster than {name:20s} {values}")
    if arguments.out:
        contents = {
            **alternation.about("benchmarks/meta_step.py", versions),
            "threads": arguments.threads,
            "tasks": TASKS,
            "results": results,
            "times_faster": ratios,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
