"""Ways to fine-tune on few labels: from MNIST to ten USPS images per class.

    python benchmarks/finetune.py --data ../shared/data --draws 5 --out F.json

A LeNet learns the 60,000 training images of MNIST, once. Each draw takes ten
training images of each class of USPS, the same for all methods, and measures
on all 2,007 test images. All methods, training from scratch too, have the same
network, dropout and batch size; each its own learning rate and
strengths, chosen with `--choose`, on other draws, by training images of USPS
that are in none of them. The accuracy is that of the last weights.

Draws that `--out` holds are not repeated; the pretrained network is kept in
`--work`.
"""

import argparse
import itertools
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

import keras_transfer as kt

PER_CLASS = 10
BATCH = 20
STEPS = 400
EPOCHS = 20
#: Draws of `--choose`, which are not those of the table.
CHOICE = 1000


def network():
    return digits.lenet(channels=1, batch_norm=False, dropout=0.5)


def batches(images, labels, batch_size, seed):
    """Endless shuffled batches."""
    return (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(images), seed=seed)
        .repeat()
        .batch(batch_size, drop_remainder=True)
        .prefetch(2)
    )


def learn(model, data, steps, epochs=1, callbacks=()):
    model.fit(
        data,
        steps_per_epoch=steps // epochs,
        epochs=epochs,
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )


def compiled(model, optimizer):
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # On a CPU, XLA takes half as long again for these convolutions.
        jit_compile=False,
    )
    return model


def adam(rate, steps=STEPS):
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(rate, steps)
    )


def pretrained(source, work):
    """The network of MNIST, from `work` if it is there."""
    path = work / "finetune_mnist.weights.h5"
    keras.utils.set_random_seed(0)
    model = network()
    if path.exists():
        model.load_weights(path)
        return model
    steps = 8000
    compiled(model, adam(1e-3, steps))
    learn(model, batches(*source, 64, seed=0), steps)
    work.mkdir(parents=True, exist_ok=True)
    model.save_weights(path)
    return model


def copied(model):
    """The same network with the same weights, to be changed."""
    copy = network()
    copy.set_weights(model.get_weights())
    return copy


# Each way takes the pretrained network and the batches, and returns a trained
# model. Their defaults are what `--choose` gave.


def as_it_is(model, data):
    return model


def from_scratch(model, data, rate=1e-3):
    # Until the loss has come to rest.
    model = compiled(network(), adam(rate, 4 * STEPS))
    learn(model, data, 4 * STEPS)
    return model


def prepared(model, data, strategy, rate):
    """`finetune.prepare`, the head of MNIST kept: the digits are the same."""
    model, callbacks = kt.finetune.prepare(
        model,
        None,
        strategy,
        learning_rate=keras.optimizers.schedules.CosineDecay(rate, STEPS),
        head="logits",
    )
    learn(model, data, STEPS, EPOCHS, callbacks)
    return model


def head_only(model, data, rate=1e-2):
    return prepared(model, data, "head", rate)


def lora(model, data, rate=3e-3):
    return kt.finetune.merge_adapters(prepared(model, data, "lora", rate))


def full(model, data, rate=1e-3):
    learn(compiled(model, adam(rate)), data, STEPS)
    return model


def gradual(model, data, rate=1e-3):
    compiled(model, adam(rate))
    groups = ["logits", "dense*", "conv2d_1*", "conv2d*"]
    callback = kt.callbacks.GradualUnfreezing(groups, every=3)
    learn(model, data, STEPS, EPOCHS, [callback])
    return model


def layerwise_rates(model, data, rate=3e-3, decay=0.7):
    optimizer = kt.finetune.LayerwiseLearningRate(
        adam(rate), decay=decay, model=model
    )
    learn(compiled(model, optimizer), data, STEPS)
    return model


def l2sp(model, data, rate=1e-3, alpha=1e-3):
    kt.finetune.L2SP(alpha=alpha).apply(model)
    return full(model, data, rate)


def spectral_shrinkage(model, data, rate=1e-3, strength=1e-3):
    penalty = kt.finetune.BatchSpectralShrinkage(strength=strength)
    full(kt.finetune.add_penalty(model, penalty), data, rate)
    return model


RATES = (3e-4, 1e-3)
HIGH_RATES = (1e-3, 3e-3, 1e-2)
#: Ways, and what `--choose` tries of each.
WAYS = {
    as_it_is: {},
    from_scratch: {"rate": RATES},
    head_only: {"rate": HIGH_RATES},
    full: {"rate": RATES},
    gradual: {"rate": RATES},
    layerwise_rates: {"rate": (1e-3, 3e-3), "decay": (0.5, 0.7)},
    l2sp: {"alpha": (1e-3, 1e-2, 1e-1)},
    spectral_shrinkage: {"strength": (1e-3, 1e-2)},
    lora: {"rate": HIGH_RATES},
}


def draw(labels, seed):
    """Rows of `PER_CLASS` images of each class."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == label), PER_CLASS, False)
            for label in range(labels.max() + 1)
        ]
    )


def run(way, settings, base, train, test, seed):
    """Trains one way on one draw; returns its record."""
    keras.utils.set_random_seed(seed)
    rows = draw(train[1], seed)
    data = batches(train[0][rows], train[1][rows], BATCH, seed)
    began = time.perf_counter()
    model = way(copied(base), data, **settings)
    seconds = time.perf_counter() - began
    return {
        "method": way.__name__,
        "settings": settings,
        "draw": seed,
        "seconds": round(seconds, 1),
        "accuracy": digits.accuracy(
            digits.probabilities(model, test[0]), test[1]
        ),
    }


def of_choice(train, draws):
    """The training images of USPS that no draw takes, to choose by."""
    taken = [
        draw(train[1], first + seed)
        for first in (0, CHOICE)
        for seed in range(draws)
    ]
    rest = np.setdiff1d(np.arange(len(train[1])), np.concatenate(taken))
    return train[0][rest], train[1][rest]


def jobs_of(arguments):
    """Ways, settings and seeds to run."""
    ways = [
        (way, tried)
        for way, tried in WAYS.items()
        if not arguments.methods or way.__name__ in arguments.methods
    ]
    if not arguments.choose:
        return [
            (way, {}, seed)
            for seed in range(arguments.draws)
            for way, _ in ways
        ]
    return [
        (way, dict(zip(tried, values, strict=True)), CHOICE + seed)
        for way, tried in ways
        for values in itertools.product(*tried.values())
        for seed in range(arguments.draws)
    ]


def summary(records):
    """Mean and standard deviation over the draws."""
    table = {}
    for record in records:
        name = record["method"] + "".join(
            f" {key} {value:g}" for key, value in record["settings"].items()
        )
        table.setdefault(name, []).append(record)
    return {
        name: {
            "accuracy": round(np.mean([row["accuracy"] for row in rows]), 2),
            "std": round(np.std([row["accuracy"] for row in rows]), 2),
            "draws": len(rows),
            "seconds": round(np.mean([row["seconds"] for row in rows]), 1),
        }
        for name, rows in table.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--methods", nargs="+", metavar="NAME")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--work", type=pathlib.Path, default="work")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    source, _ = digits.load(arguments.data, "mnist")
    train, test = digits.load(arguments.data, "usps")
    if arguments.choose:
        test = of_choice(train, arguments.draws)
    base = pretrained(source, arguments.work)
    records = digits.earlier_runs(arguments.out)
    keys = ("method", "settings", "draw")
    done = [tuple(record[key] for key in keys) for record in records]
    for way, settings, seed in tqdm(jobs_of(arguments), unit="run"):
        if (way.__name__, settings, seed) in done:
            continue
        records.append(run(way, settings, base, train, test, seed))
        digits.write(arguments.out, records, summary=summary(records))
        keras.backend.clear_session(free_memory=False)
    for name, row in summary(records).items():
        print(
            f"{name:40s} {row['accuracy']:6.2f} +- {row['std']:.2f}   "
            f"({row['draws']} draws, {row['seconds']:.0f} s each)"
        )


if __name__ == "__main__":
    main()
