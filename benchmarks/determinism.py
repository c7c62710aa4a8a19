"""What deterministic operations cost: a recipe with and without them.

    python benchmarks/determinism.py --repeats 3 --out F.json
    python benchmarks/determinism.py --data ../shared/data \
        --recipe zoo/recipes/mnist_usps_dann.toml --epochs 1 --out F.json

Each training is a process of its own, the two kinds in turn; evaluation and
saving are left out. `seconds` is the wall clock, `cpu_seconds` the time of all
threads, which other work on the machine disturbs less; least of the repeats.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import tensorflow as tf

from keras_transfer.cli.recipes import run_recipe
from keras_transfer.cli.recipes.read_recipe import read_recipe

KINDS = ("deterministic", "as_it_comes")
SMALLEST = pathlib.Path(__file__).parents[1] / "zoo/recipes"


def train(arguments):
    """Trains the first seed once; prints the record as JSON."""
    if arguments.kind == "deterministic":
        tf.config.experimental.enable_op_determinism()
    recipe = read_recipe(arguments.recipe)
    epochs = arguments.epochs or recipe.budget.epochs
    recipe = dataclasses.replace(
        recipe, budget=dataclasses.replace(recipe.budget, epochs=epochs)
    )
    rows = run_recipe.load(recipe, arguments.data)
    run = run_recipe.prepared(recipe, rows, recipe.seeds[0])
    began = time.process_time()
    run.fit([])
    record = {
        "kind": arguments.kind,
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(time.process_time() - began, 2),
        "figures": run.figures(),
    }
    print(json.dumps(record))


def child(arguments, kind):
    """The record of one training in a process of its own."""
    options = ["--recipe", arguments.recipe, "--kind", kind]
    if arguments.data:
        options += ["--data", arguments.data]
    if arguments.epochs:
        options += ["--epochs", arguments.epochs]
    found = subprocess.run(
        [sys.executable, __file__, *map(str, options)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(found.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of .npz files")
    parser.add_argument(
        "--recipe",
        type=pathlib.Path,
        default=SMALLEST / "digits_on_photos.toml",
    )
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    if arguments.kind:
        train(arguments)
        return
    records = [
        child(arguments, kind)
        for _ in range(arguments.repeats)
        for kind in KINDS
    ]
    least = {
        kind: {
            key: min(r[key] for r in records if r["kind"] == kind)
            for key in ("seconds", "cpu_seconds")
        }
        for kind in KINDS
    }
    first, second = (least[kind] for kind in KINDS)
    ratio = {key: round(first[key] / second[key], 3) for key in first}
    print(f"{arguments.recipe.stem}: {least}, ratio {ratio}")
    if arguments.out:
        digits.write(
            arguments.out,
            records,
            recipe=arguments.recipe.stem,
            epochs=arguments.epochs,
            least=least,
            ratio=ratio,
        )


if __name__ == "__main__":
    main()
