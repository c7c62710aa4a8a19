"""Amazon reviews: linear SVM, mSDA, DANN, in the DANN paper's protocol.

    python benchmarks/amazon.py --data ../shared/data \
        --source books --target dvd --both --out F.json

2000 labelled source rows and 2000 target rows without labels (the target's
train part); accuracy on the target's test part. `--both` adds the way back,
which has the same mSDA features. Domains are files
`amazon_reviews_NAME.npz`. mSDA: words as 0 and 1, five layers, 50 %
corruption, made from the two train parts. Takes ten minutes or more on one core
and 6 GB.

Nothing is chosen by target labels, which the last line of `measure` alone
reads. The C of the SVMs is chosen among ten by reverse validation. The
networks are fixed beforehand: one hidden layer of 50 sigmoid units (100 on
mSDA features), reversal strength 0.1, the middle of the paper's range, its
learning rate of 1e-3 (1e-4 on mSDA features) under Adam, and training ends
early by the loss on a tenth of the source. Runs that are in the output file
already are not repeated.
"""

import argparse
import functools
import os
import pathlib
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np
import scipy.sparse
from sklearn.svm import SVC
from tqdm import tqdm

import keras_transfer as kt

#: Ten values from 1e-5 to 1, as in the paper.
GRID = np.logspace(-5, 0, 10)
STRENGTH = 0.1
EPOCHS = 50
METHODS = (
    "svm",
    "nn",
    "dann",
    "msda_svm",
    "msda_nn",
    "msda_dann",
)

#: Ganin et al., 2016, table 1; only for the pairs of their table.
PUBLISHED = {
    "books -> dvd": (0.799, 0.790, 0.784, 0.830, 0.824, 0.829),
    "books -> electronics": (0.748, 0.747, 0.733, 0.766, 0.770, 0.804),
    "books -> kitchen": (0.769, 0.778, 0.779, 0.821, 0.842, 0.843),
    "dvd -> books": (0.743, 0.720, 0.723, 0.826, 0.823, 0.825),
    "dvd -> electronics": (0.748, 0.732, 0.754, 0.739, 0.768, 0.809),
    "dvd -> kitchen": (0.746, 0.778, 0.783, 0.842, 0.853, 0.849),
    "electronics -> books": (0.705, 0.709, 0.713, 0.762, 0.770, 0.774),
    "electronics -> dvd": (0.726, 0.733, 0.738, 0.770, 0.759, 0.781),
    "electronics -> kitchen": (0.847, 0.854, 0.854, 0.847, 0.863, 0.881),
    "kitchen -> books": (0.707, 0.708, 0.709, 0.769, 0.721, 0.718),
    "kitchen -> dvd": (0.736, 0.739, 0.740, 0.788, 0.789, 0.789),
    "kitchen -> electronics": (0.842, 0.841, 0.843, 0.861, 0.850, 0.856),
}


def load(folder, domain):
    """Train rows, their labels, test rows and theirs."""
    path = pathlib.Path(folder) / f"amazon_reviews_{domain}.npz"
    if not path.exists():
        sys.exit(f"amazon.py: no file {path.name} in {folder}")
    rows = scipy.sparse.load_npz(path).tocsr().astype("float32")
    file = np.load(path)
    labels, size = file["y"].astype("int32"), int(file["n_train"])
    return rows[:size], labels[:size], rows[size:], labels[size:]


def binary(rows):
    return (rows > 0).astype("float32")


def mapped(layer, rows):
    """Outputs of a layer for sparse rows."""
    parts = [
        keras.ops.convert_to_numpy(layer(rows[start : start + 500].toarray()))
        for start in range(0, rows.shape[0], 500)
    ]
    return np.concatenate(parts)


def msda_features(first, second):
    """Features of the train and test parts of both domains, and seconds."""
    began = time.perf_counter()
    layer = kt.subspace.MarginalizedDenoisingAutoencoder(5, corruption=0.5)
    layer.adapt(binary(first[0]), binary(second[0]))
    seconds = time.perf_counter() - began
    features = [
        [mapped(layer, binary(domain[part])) for part in (0, 2)]
        for domain in (first, second)
    ]
    return features, seconds


def products(first, second):
    """Inner products of rows, which are all that a linear SVM sees."""
    found = first @ second.T
    if scipy.sparse.issparse(found):
        found = found.toarray()
    return found.astype("float64")


def svm(strength, products, rows, labels, other_rows):
    """A `fit` of `kt.selection.reverse_validation`, on numbers of rows."""
    machine = SVC(C=strength, kernel="precomputed")
    machine.fit(products[np.ix_(rows, rows)], labels)
    return lambda others: machine.predict(products[np.ix_(others, rows)])


def chosen_svm(source, labels, target, repeats):
    """A linear SVM whose C is chosen without labels of the target."""
    both = (
        scipy.sparse.vstack if scipy.sparse.issparse(source) else np.vstack
    )([source, target])
    known = products(both, both)
    numbers = np.arange(both.shape[0])
    risks = [
        kt.selection.reverse_validation(
            functools.partial(svm, strength, known),
            numbers[: len(labels)],
            labels,
            numbers[len(labels) :],
            repeats=repeats,
        )
        for strength in GRID
    ]
    best = GRID[int(np.argmin(risks))]
    details = {
        "c": float(f"{best:.3g}"),
        "reverse_risks": [round(risk, 4) for risk in risks],
    }
    machine = SVC(C=best, kernel="precomputed")
    machine.fit(known[: len(labels), : len(labels)], labels)
    return lambda rows: machine.predict(products(rows, source)), details


def network(source, labels, target, units, rate, alignment, seed):
    """One hidden layer, with or without DANN on it."""
    keras.utils.set_random_seed(seed)
    aside = np.random.default_rng(seed).permutation(len(labels)) % 10 == 0
    source, target = (
        rows.toarray() if scipy.sparse.issparse(rows) else rows
        for rows in (source, target)
    )
    model = keras.Sequential(
        [
            keras.Input((source.shape[1],)),
            keras.layers.Dense(units, activation="sigmoid"),
            keras.layers.Dense(2),
        ]
    )
    trainer = kt.DomainAdaptation(model, alignment=alignment)
    trainer.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    pairs = kt.data.pair_domains(
        (source[~aside], labels[~aside]), target, batch_size=64, seed=seed
    )
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=5, restore_best_weights=True
    )
    history = trainer.fit(
        pairs,
        epochs=EPOCHS,
        validation_data=(source[aside], labels[aside]),
        callbacks=[stop],
        verbose=0,
    )

    def predict(rows):
        if scipy.sparse.issparse(rows):
            rows = rows.toarray()
        return model.predict(rows, batch_size=500, verbose=0).argmax(axis=1)

    losses = history.history["val_loss"]
    details = {
        "epochs": len(losses),
        "source_val_loss": round(float(min(losses)), 4),
        "source_val_accuracy": round(
            float(history.history["val_accuracy"][int(np.argmin(losses))]), 4
        ),
    }
    return predict, details


def alignment_of(method):
    if not method.endswith("dann"):
        return None
    return kt.alignment.DomainAdversarial(
        strength=STRENGTH,
        # A logistic regression, as in the paper's shallow networks.
        discriminator=kt.layers.DomainDiscriminator(units=()),
    )


def measure(method, seed, source, target, repeats):
    """Record of one method; `target` is the train rows, test rows, labels."""
    began = time.perf_counter()
    rows, labels = source
    if method.endswith("svm"):
        predict, details = chosen_svm(rows, labels, target[0], repeats)
    else:
        deep = method.startswith("msda")
        predict, details = network(
            rows,
            labels,
            target[0],
            100 if deep else 50,
            1e-4 if deep else 1e-3,
            alignment_of(method),
            seed,
        )
    return {
        "method": method,
        "seed": seed,
        **details,
        "seconds": round(time.perf_counter() - began, 1),
        # The only line that reads target labels.
        "target_test": round(
            float((predict(target[1]) == target[2]).mean()), 4
        ),
    }


def summary(records):
    """Mean accuracy of each way and method, beside the published one."""
    table = {}
    for pair in dict.fromkeys(record["pair"] for record in records):
        row = table[pair] = {}
        for method in METHODS:
            found = [
                record["target_test"]
                for record in records
                if (record["pair"], record["method"]) == (pair, method)
            ]
            if not found:
                continue
            row[method] = {"accuracy": round(float(np.mean(found)), 4)}
            if len(found) > 1:
                row[method]["std"] = round(float(np.std(found, ddof=1)), 4)
            if pair in PUBLISHED:
                number = METHODS.index(method)
                row[method]["published"] = PUBLISHED[pair][number]
    return table


def peak_gigabytes():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--source", default="books")
    parser.add_argument("--target", default="dvd")
    parser.add_argument("--both", action="store_true", help="also the way back")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seeds", type=int, default=3, help="of the networks")
    parser.add_argument(
        "--repeats", type=int, default=3, help="of reverse validation"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    unknown = set(arguments.methods) - set(METHODS)
    if unknown:
        parser.error(f"no methods {sorted(unknown)}; there are {METHODS}")
    return arguments


def main():
    arguments = parse()
    names = arguments.source, arguments.target
    domains = [load(arguments.data, name) for name in names]
    raw = [[domain[0], domain[2]] for domain in domains]
    ways = [(0, 1), (1, 0)] if arguments.both else [(0, 1)]
    details = {"grid": [float(f"{value:.3g}") for value in GRID]}
    records = digits.earlier_runs(arguments.out)
    done = {(one["pair"], one["method"], one["seed"]) for one in records}
    todo = [
        (way, method, seed)
        for method in arguments.methods
        for seed in range(1 if method.endswith("svm") else arguments.seeds)
        for way in ways
        if (f"{names[way[0]]} -> {names[way[1]]}", method, seed) not in done
    ]
    deep = None
    if any(method.startswith("msda") for _, method, _ in todo):
        deep, seconds = msda_features(*domains)
        details["msda_seconds"] = round(seconds, 1)
    for (first, second), method, seed in tqdm(todo, unit="run"):
        features = deep if method.startswith("msda") else raw
        record = measure(
            method,
            seed,
            (features[first][0], domains[first][1]),
            (*features[second], domains[second][3]),
            arguments.repeats,
        )
        pair = f"{names[first]} -> {names[second]}"
        records.append({"pair": pair, **record})
        if arguments.out:
            details["peak_gigabytes"] = peak_gigabytes()
            digits.write(
                arguments.out, records, **details, summary=summary(records)
            )
    for pair, row in summary(records).items():
        for method, values in row.items():
            print(f"{pair:24s} {method:10s} {values}")


if __name__ == "__main__":
    main()
