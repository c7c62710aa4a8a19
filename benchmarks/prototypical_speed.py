"""Episodes per second of training prototypical networks, beside easyfsl.

    python benchmarks/prototypical_speed.py --peers-python VENV/bin/python \
        --out F.json

Rows are kinds of episodes and two networks of `conv4_arrays`: `pool`, as it
is usually written, and `pool_first`, the same function for less work, on all
sides alike. 28x28 images, one episode a step, Adam's step included. All sides
have the same weights and episodes, in turns, each in a process of its own with
the same number of threads; nothing draws episodes while the time runs.

- `keras_transfer`: `PrototypicalNetwork.fit` on a `tf.data.Dataset` of the
  episodes, in float32, without XLA, with its accuracy;
- `easyfsl`, `torch`, `torch_channels_last`: see `prototypical_speed_torch`.

`gradient` is the relative distance of the gradients of an episode to ours in
float64; that of easyfsl, whose loss is another, is left out. The interpreter
of the peers needs torch, numpy, pandas, tqdm and `pip install --no-deps
easyfsl`. Run it on a quiet machine; without peers it times ours.
"""

import argparse
import contextlib
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
PEERS = ("easyfsl", "torch", "torch_channels_last")
BATCHES = 8
EPISODES = {
    "60-way 1-shot": {"ways": 60, "shots": 1, "queries": 5},
    "5-way 5-shot": {"ways": 5, "shots": 5, "queries": 15},
}
ROWS = {
    f"{name} {network}": {**sizes, "network": network}
    for network in ("pool", "pool_first")
    for name, sizes in EPISODES.items()
}


def write_arrays(path, row, seed):
    """Writes the weights and episodes of all sides."""
    weights = conv4_arrays.weights(seed)
    sizes = {name: row[name] for name in ("ways", "shots", "queries")}
    np.savez(
        path,
        num_weights=len(weights),
        **{f"w{index}": value for index, value in enumerate(weights)},
        **conv4_arrays.episodes(seed + 1, BATCHES, **sizes),
    )


def measure_row(row, sides, arguments, folder):
    """Times, memory and check of one row; also the versions of the sides."""
    arrays = folder / "arrays.npz"
    write_arrays(arrays, row, seed=0)

    def prepare(side, worker, dtype):
        return worker.ask(
            "prepare",
            side=side,
            arrays=str(arrays),
            row={**row, "dtype": dtype},
        )

    with contextlib.ExitStack() as stack:
        workers, versions = {}, {}
        for side in sides:
            is_ours = side == OURS
            name = f"prototypical_speed_{'keras' if is_ours else 'torch'}.py"
            workers[side] = stack.enter_context(
                alternation.Worker(
                    sys.executable if is_ours else arguments.peers_python,
                    HERE / name,
                    arguments.threads,
                )
            )
            versions |= prepare(side, workers[side], "float32")
        results = alternation.alternate(
            workers, arguments.rounds, arguments.seconds
        )
        for side, worker in workers.items():
            results[side]["episodes_per_second"] = round(
                1000 / results[side]["wall"], 3
            )
            results[side].update(worker.ask("memory"))
            results[side]["loss"] = {}
            for dtype in alternation.DTYPES:
                prepare(side, worker, dtype)
                path = folder / f"{side}_{dtype}.npz"
                answer = worker.ask("check", path=str(path))
                results[side]["loss"][dtype] = answer["loss"]
    alternation.compare(results, folder)
    if "easyfsl" in results:
        del results["easyfsl"]["gradient"]
    return results, versions


def print_row(name, results):
    ours = results.get(OURS)
    for side, result in results.items():
        ratio = f"({result['wall'] / ours['wall']:5.2f})" if ours else ""
        check = "".join(
            f"  {dtype} {value['all']:.1e}"
            for dtype, value in result.get("gradient", {}).items()
        )
        print(
            f"{name:24s} {side:20s} {result['episodes_per_second']:7.2f} "
            f"episodes/s  {result['wall']:7.0f} ms {ratio}  cpu "
            f"{result['cpu']:7.0f} ms  {result['peak_mb']:5d} MB  loss "
            f"{result['loss']['float64']:.5f}{check}",
            flush=True,
        )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers-python", type=pathlib.Path)
    parser.add_argument("--rows", nargs="+", default=["*"], help="patterns")
    parser.add_argument("--sides", nargs="+", default=["*"], help="patterns")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    return parser.parse_args()


def main():
    arguments = parse()
    sides = alternation.chosen((OURS, *PEERS), arguments.sides)
    if arguments.peers_python is None:
        sides = [side for side in sides if side == OURS]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in alternation.chosen(ROWS, arguments.rows):
            results[name], versions = measure_row(
                ROWS[name], sides, arguments, pathlib.Path(folder)
            )
            print_row(name, results[name])
    if arguments.out:
        contents = {
            **alternation.about("benchmarks/prototypical_speed.py", versions),
            "threads": arguments.threads,
            "results": results,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
