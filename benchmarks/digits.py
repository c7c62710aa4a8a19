"""Digits across domains: MNIST, USPS and MNIST-M, full training sets.

    python benchmarks/digits.py --data ../shared/data \
        --source mnist --target usps --method all --seeds 3 --out F.json

Protocol (PixelDA's full-set protocol): all labelled source training images,
all target training images without labels, accuracy on the target test set.
The same network, budget, optimizer and initial weights for every method; one
configuration per method for all pairs. No target label is read before the
end of training. Runs that are in the output file already are not repeated.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from tqdm import tqdm

import keras_transfer as kt
from keras_transfer.cli import output
from keras_transfer.cli import scores
from keras_transfer.cli.recipes import networks

DOMAINS = ("mnist", "usps", "mnistm")

NETWORK = {"batch_norm": False, "dropout": 0.5}

#: One configuration per method, for every pair of domains, as chosen by
#: digits_search.py without target labels.
METHODS = {
    "source_only": {"alignment": None},
    "dann": {
        "alignment": lambda: kt.alignment.DomainAdversarial(
            strength=kt.schedules.SigmoidRamp(maximum=0.3),
            discriminator=kt.layers.DomainDiscriminator(units=(100,)),
        ),
    },
    "dan": {"alignment": lambda: kt.alignment.MeanDiscrepancy(weight=3.0)},
    "deep_coral": {
        "alignment": lambda: kt.alignment.CorrelationAlignment(weight=30.0),
    },
}


#: What `data.load` calls them, where that is another name.
NAMES = {"mnistm": "mnist_m"}


def load(folder, domain):
    """Images `(rows, 28, 28, 1 or 3)` uint8 and labels, train and test."""
    parts = []
    for split in ("train", "test"):
        try:
            loaded = kt.data.load(NAMES.get(domain, domain), split, folder)
        except FileNotFoundError as error:
            sys.exit(f"digits.py: {error}")
        x, y = loaded.prepared(size=28).arrays()
        parts.append((x, y.astype("int32")))
    return parts


def same_channels(source, target):
    """Repeats grey to RGB where the two domains differ."""
    channels = max(source[0][0].shape[-1], target[0][0].shape[-1])
    return [
        [(np.repeat(x, channels // x.shape[-1], axis=-1), y) for x, y in domain]
        for domain in (source, target)
    ]


def lenet(channels, batch_norm=True, dropout=0.0):
    """The network of the recipes, for ten classes."""
    return networks.lenet((28, 28, channels), 10, batch_norm, dropout)


def run(method, settings, seed, source, target, steps, batch_size):
    """Trains one model; returns its record."""
    keras.utils.set_random_seed(seed)
    settings = dict(settings)
    network = settings.pop("network", NETWORK)
    model = lenet(source[0][0].shape[-1], **network)
    build = settings.pop("alignment")
    trainer = kt.DomainAdaptation(
        model,
        alignment=build() if build else None,
        **{"features": "features", **settings},
    )
    rate = kt.schedules.AnnealedLearningRate(0.01, total_steps=steps)
    trainer.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # On a CPU, XLA takes half as long again for these convolutions.
        jit_compile=False,
    )
    epochs = 10
    pairs = kt.data.pair_domains(
        source[0],
        target[0][0],
        batch_size=batch_size,
        seed=seed,
        steps_per_epoch=steps // epochs,
    )
    began = time.perf_counter()
    history = trainer.fit(pairs, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - began
    source_test, target_train = (
        probabilities(model, x) for x in (source[1][0], target[0][0])
    )
    return {
        "method": method,
        "seed": seed,
        "seconds": round(seconds, 1),
        "source_test": accuracy(source_test, source[1][1]),
        "information_minus_risk": kt.selection.information_minus_risk(
            target_train, source_test, source[1][1]
        ),
        "history": {
            name: [round(float(value), 4) for value in values]
            for name, values in history.history.items()
        },
        # The only line that reads target labels.
        "target_test": accuracy(
            probabilities(model, target[1][0]), target[1][1]
        ),
    }


def probabilities(model, images):
    return scores.probabilities(model, images, batch_size=500)


def accuracy(probabilities, labels):
    return round(100 * scores.accuracy(probabilities, labels), 2)


def summary(records):
    """Mean and standard deviation over the seeds, a dict per method."""
    table = {}
    for method in dict.fromkeys(record["method"] for record in records):
        rows = [record for record in records if record["method"] == method]
        table[method] = {"seeds": len(rows)}
        for key in ("source_test", "target_test", "information_minus_risk"):
            values = [row[key] for row in rows]
            table[method][key] = round(float(np.mean(values)), 3)
            spread = float(np.std(values, ddof=1)) if len(rows) > 1 else 0.0
            table[method][f"{key}_std"] = round(spread, 3)
        table[method]["seconds"] = sum(row["seconds"] for row in rows)
    return table


def earlier_runs(path):
    """The records of a result file, or none."""
    if path is None or not path.exists():
        return []
    return json.loads(path.read_text())["runs"]


def write(path, records, **details):
    """Writes a result file, whole, with what is needed to repeat it."""
    script = pathlib.Path(sys.argv[0]).name
    contents = {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"python benchmarks/{script} {' '.join(sys.argv[1:])}",
        "versions": versions(),
        **details,
        "runs": records,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    output.write_json(path, contents)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--source", choices=DOMAINS, default="mnist")
    parser.add_argument("--target", choices=DOMAINS, default="usps")
    parser.add_argument("--method", default="all", choices=["all", *METHODS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()

    source, target = same_channels(
        load(arguments.data, arguments.source),
        load(arguments.data, arguments.target),
    )
    methods = list(METHODS)
    if arguments.method != "all":
        methods = [arguments.method]
    protocol = {
        "pair": f"{arguments.source} -> {arguments.target}",
        "steps": arguments.steps,
        "batch": f"{arguments.batch_size} + {arguments.batch_size}",
        "source_train": len(source[0][0]),
        "target_train": len(target[0][0]),
        "target_test": len(target[1][0]),
    }
    records = earlier_runs(arguments.out)
    if (
        records
        and json.loads(arguments.out.read_text())["protocol"] != protocol
    ):
        sys.exit(f"digits.py: {arguments.out} holds another protocol")
    done = {(record["method"], record["seed"]) for record in records}
    todo = [
        (method, seed)
        for seed in range(arguments.seeds)
        for method in methods
        if (method, seed) not in done
    ]
    for method, seed in tqdm(todo, unit="run"):
        record = run(
            method,
            METHODS[method],
            seed,
            source,
            target,
            arguments.steps,
            arguments.batch_size,
        )
        records.append(record)
        if arguments.out:
            write(
                arguments.out,
                records,
                protocol=protocol,
                summary=summary(records),
            )
    for method, row in summary(records).items():
        print(
            f"{method:12s} source {row['source_test']:6.2f}   "
            f"target {row['target_test']:6.2f} +- {row['target_test_std']:.2f}"
            f"   ({row['seeds']} seeds, {row['seconds']:.0f} s)"
        )


def versions():
    packages = ("tensorflow", "keras", "numpy", "keras-transfer")
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


if __name__ == "__main__":
    main()
