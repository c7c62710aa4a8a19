"""Times of shallow methods beside adapt and skada, on the same arrays.

    python benchmarks/shallow_speed.py --peers-python VENV/bin/python \
        --out F.json

Rows of the table are `CASES`; each names a method of `shallow_speed_ours.py`
and of the peers' `shallow_speed_adapt.py` and `shallow_speed_skada.py`, which
fit it on the same float64 arrays. All sides take turns, each in a process of
its own with the same number of threads. `wall` and `cpu` are medians of
seconds a fit, `peak_mb` the high-water mark of the process. CPU time is what
to compare where the machine is shared.

Kernel mean matching: the width is the same on all sides, the bound 1000 and
the slack the default of all; `objective` is that of the paper, without any
ridge, of the weights that each side returns, times the number that makes it
least (ours are divided by their mean); `mean` and `largest` say whether they
are allowed. skada stops after 1000 steps of Frank and Wolfe. In
blocks, each of 1000 source rows is matched with as many target rows by ours,
with all of them by adapt. Of many rows ours takes 500 random features and
adapt blocks of 1000; `means_apart` is the distance between the mean of the
target and that of the weighted source.

Closed-form alignment: adapt and the map of the source, 80 dimensions, the
linear kernel and regularization 1; `norm` is that of the outputs. adapt takes
principal axes by a randomized decomposition, skada and ours are exact. The
peers scale the components of TCA otherwise, so that norms differ. CORAL adds
1 to the diagonal in adapt and ours, skada is told to add nothing. None of the
peers has JDA, GFK or mSDA; optimal transport is POT on all sides.

The interpreter of the peers needs `adapt==0.4.5` and `skada==0.6.0`. Without
peers it times ours alone.
"""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import alternation
import numpy as np

from keras_transfer.cli import output

HERE = pathlib.Path(__file__).parent
OURS = "keras_transfer"
SCRIPTS = {
    OURS: "shallow_speed_ours.py",
    "adapt": "shallow_speed_adapt.py",
    "skada": "shallow_speed_skada.py",
}


def case(method, rows, columns, peers=("adapt", "skada"), rounds=None):
    """Name and description of a row of the table."""
    name = (
        f"{method.replace('_', ' ')}, {rows} + {rows} rows, {columns} columns"
    )
    return name, {
        "method": method,
        "rows": rows,
        "columns": columns,
        "peers": peers,
        "rounds": rounds,
    }


#: Methods, the sizes of the arrays, and who has the method.
CASES = dict(
    [
        case("kernel_mean_matching", 1000, 5),
        case("kernel_mean_matching", 2000, 5),
        case("kernel_mean_matching", 2000, 50),
        # adapt takes minutes.
        case("kernel_mean_matching", 5000, 5, rounds=1),
        case("kernel_mean_matching_in_blocks", 5000, 5, ["adapt"]),
        case("kernel_mean_matching_of_many", 100_000, 5, ["adapt"], rounds=1),
        case("coral", 1000, 800),
        case("subspace_alignment", 200, 800),
        case("subspace_alignment", 1000, 800),
        case("transfer_component_analysis", 400, 800),
        case("transfer_component_analysis", 1000, 100),
    ]
)


def arrays(rows, columns, seed=0):
    """Two Gaussian domains, and the width of kernels between their rows."""
    generator = np.random.default_rng(seed)
    source = generator.normal(size=(rows, columns))
    target = 0.7 * generator.normal(size=(rows, columns))
    target += 1.0 / np.sqrt(columns)
    few = np.concatenate([source[:500], target[:500]])
    squares = (few**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * few @ few.T
    upper = distances[np.triu_indices(len(few), 1)]
    return {
        "source": source,
        "target": target,
        "width": np.sqrt(np.median(np.maximum(upper, 0.0))),
    }


def kernel(x, y, width):
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return np.exp(-np.maximum(squares, 0.0) / (2 * width**2))


def check_kernel_mean_matching(given, found):
    """What the weights are worth, by the paper's objective over n^2."""
    source, target, width = given["source"], given["target"], given["width"]
    weights = found.astype("float64")
    rows = len(source)
    linear = rows * kernel(source, target, width).mean(axis=1)
    product = kernel(source, source, width) @ weights
    # 1/2 b'Kb - c'b is least for b times c'b / b'Kb.
    value = -0.5 * (linear @ weights) ** 2 / (weights @ product)
    return {
        "objective": float(value) / rows**2,
        "mean": float(weights.mean()),
        "smallest": float(weights.min()),
        "largest": float(weights.max()),
    }


def check_outputs(given, found):
    """Equal where sides compute the same, whatever the signs of axes."""
    return {"norm": float(np.linalg.norm(found.astype("float64")))}


def check_weights(given, found):
    """What may be said of weights of very many rows."""
    weights = found.astype("float64")
    source, target = given["source"], given["target"]
    mean = weights @ source / weights.sum()
    return {
        "means_apart": float(np.linalg.norm(mean - target.mean(axis=0))),
        "mean": float(weights.mean()),
        "largest": float(weights.max()),
    }


CHECKS = {
    "kernel_mean_matching": check_kernel_mean_matching,
    "kernel_mean_matching_in_blocks": check_kernel_mean_matching,
    "kernel_mean_matching_of_many": check_weights,
    "coral": check_outputs,
    "subspace_alignment": check_outputs,
    "transfer_component_analysis": check_outputs,
}


def measure(case, sides, arguments, folder):
    """Times, memory and check of one case; also versions of the sides."""
    given = arrays(case["rows"], case["columns"])
    path = folder / "arrays.npz"
    np.savez(path, **given)
    results, versions, turns = {}, {}, {side: [] for side in sides}
    with contextlib.ExitStack() as stack:
        workers = {}
        for side in sides:
            python = sys.executable if side == OURS else arguments.peers_python
            workers[side] = stack.enter_context(
                alternation.Worker(
                    python, HERE / SCRIPTS[side], arguments.threads
                )
            )
            versions |= workers[side].ask(
                "prepare", method=case["method"], arrays=str(path)
            )
        for _ in range(case["rounds"] or arguments.rounds):
            for side, worker in workers.items():
                time.sleep(alternation.PAUSE)
                turns[side].append(worker.ask("run", steps=1))
        for side, worker in workers.items():
            saved = folder / f"{side}.npy"
            worker.ask("save", path=str(saved))
            results[side] = {
                **{
                    clock: round(
                        float(np.median([t[clock] for t in turns[side]])) / 1e3,
                        3,
                    )
                    for clock in ("wall", "cpu")
                },
                **worker.ask("memory"),
                **CHECKS[case["method"]](given, np.load(saved)),
            }
    return results, versions


def print_case(name, results):
    ours = results[OURS]
    for side, result in results.items():
        print(
            f"{name:60s} {side:15s} wall {result['wall']:8.2f} s "
            f"({result['wall'] / ours['wall']:6.2f})  cpu "
            f"{result['cpu']:8.2f} s ({result['cpu'] / ours['cpu']:6.2f})  "
            f"{result['peak_mb']:5d} MB  objective "
            f"{result.get('objective', float('nan')):.7f}",
            flush=True,
        )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers-python", type=pathlib.Path)
    parser.add_argument("--cases", nargs="+", default=["*"], help="patterns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    return parser.parse_args()


def main():
    arguments = parse()
    results, versions = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in alternation.chosen(CASES, arguments.cases):
            case = CASES[name]
            peers = case["peers"] if arguments.peers_python else []
            results[name], found = measure(
                case, [OURS, *peers], arguments, pathlib.Path(folder)
            )
            versions |= found
            print_case(name, results[name])
            if arguments.out:
                contents = {
                    **alternation.about(
                        "benchmarks/shallow_speed.py", versions
                    ),
                    "threads": arguments.threads,
                    "rounds": arguments.rounds,
                    "results": results,
                }
                output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
