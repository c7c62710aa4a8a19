"""Closed-form alignment on Office-Caltech, beside the published tables.

    python benchmarks/office_caltech.py --data ../shared/data \
        --source amazon --target caltech --out F.json

Rows are divided by their sum and columns are z-scored in each domain. No
setting is chosen with target labels: dimensions and strengths are the
papers', the C of SVMs is that of 2-fold cross-validation on the source, from
the papers' grids.

- `all_rows_nearest_neighbour`: Long et al., 2013, table 3. PCA and TCA with
  100, GFK with 20 dimensions; TCA also with rows of unit length before and
  after it; JDA with 100 dimensions, 10 rounds, the linear kernel, such rows.
- `all_rows_svm`: Sun et al., 2016, table 3: libsvm with its default RBF
  kernel; CORAL in the paper's form, the kernel `train A train^T` computed
  beforehand, `train A test^T` for the test; and the layer, followed by a
  linear SVM.
- `few_rows_nearest_neighbour`: 20 source rows a class (8 for dslr), means
  over the draws, 80 dimensions and one setting a method, as in the README of
  LeoGautheron/OfficeCaltechDomainAdaptation.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import numpy as np
from shallow_domains import nearest_neighbour
from shallow_domains import office_caltech
from shallow_domains import unit_rows
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC
from tqdm import tqdm

import keras_transfer as kt

#: Amazon to Caltech and back: source in the docstring.
PUBLISHED = {
    ("amazon", "caltech"): {
        "all_rows_nearest_neighbour": {
            "none": 26.00,
            "pca": 34.73,
            "gfk": 40.25,
            "tca": 37.76,
            "tca_unit_length": 37.76,
            "jda": 39.36,
        },
        "all_rows_svm": {"rbf": 41.7, "coral_kernel": 45.1},
        "few_rows_nearest_neighbour": {
            "none": 23.1,
            "sa": 33.9,
            "tca": 33.3,
            "coral": 28.9,
            "optimal_transport": 29.8,
        },
    },
    ("caltech", "amazon"): {
        "all_rows_nearest_neighbour": {
            "none": 23.70,
            "pca": 36.95,
            "gfk": 41.02,
            "tca": 38.20,
            "tca_unit_length": 38.20,
            "jda": 44.78,
        },
        "all_rows_svm": {"rbf": 53.1, "coral_kernel": 52.1},
        "few_rows_nearest_neighbour": {
            "none": 22.2,
            "sa": 35.2,
            "tca": 35.9,
            "coral": 32.1,
            "optimal_transport": 37.4,
        },
    },
}

#: Layer, and whether rows have unit length before and after it.
ALL_ROWS = {
    "pca": (lambda: kt.subspace.PCA(100), False),
    "gfk": (lambda: kt.subspace.GeodesicFlowKernel(20), False),
    "sa": (lambda: kt.subspace.SubspaceAlignment(80), False),
    "tca": (lambda: kt.subspace.TransferComponentAnalysis(100), False),
    "tca_unit_length": (
        lambda: kt.subspace.TransferComponentAnalysis(100),
        True,
    ),
    "jda": (
        lambda: kt.subspace.JointDistributionAdaptation(
            100, kernel="linear", regularization=1.0
        ),
        True,
    ),
    "coral": (lambda: kt.subspace.Coral(), False),
}
FEW_ROWS = {
    "pca": (lambda: kt.subspace.PCA(80), False),
    "sa": (lambda: kt.subspace.SubspaceAlignment(80), False),
    "gfk": (lambda: kt.subspace.GeodesicFlowKernel(80), False),
    "tca": (lambda: kt.subspace.TransferComponentAnalysis(80), False),
    "coral": (lambda: kt.subspace.Coral(), False),
    "jda": (
        lambda: kt.subspace.JointDistributionAdaptation(80, kernel="linear"),
        True,
    ),
    "optimal_transport": (
        lambda: kt.subspace.OptimalTransport("lp_l1"),
        False,
    ),
}
RBF_C = np.logspace(-3, 2, 6)
KERNEL_C = np.logspace(-3, 4, 8)


def aligned_accuracy(make, unit_length, source, labels, target, target_labels):
    """Accuracy of the 1-NN between the layer's sides, and seconds of adapt."""
    if unit_length:
        source, target = unit_rows(source), unit_rows(target)
    layer = make()
    began = time.perf_counter()
    layer.adapt(source, target, labels)
    seconds = time.perf_counter() - began
    source, target = (
        np.asarray(layer(rows, domain=domain), "float64")
        for rows, domain in ((source, "source"), (target, "target"))
    )
    if unit_length:
        source, target = unit_rows(source), unit_rows(target)
    accuracy = nearest_neighbour(source, labels, target, target_labels)
    return {"accuracy": accuracy, "adapt_seconds": round(seconds, 2)}


def all_rows_nearest_neighbour(source, labels, target, target_labels):
    domains = source, labels, target, target_labels
    results = {"none": {"accuracy": nearest_neighbour(*domains)}}
    for name, (make, unit_length) in tqdm(ALL_ROWS.items(), unit="method"):
        results[name] = aligned_accuracy(make, unit_length, *domains)
    return results


def few_rows_nearest_neighbour(domains, rows_per_class, draws):
    """Means over the draws."""
    source, labels, target, target_labels = domains
    accuracies = {name: [] for name in ("none", *FEW_ROWS)}
    for seed in tqdm(range(draws), unit="draw"):
        drawn = draw(labels, rows_per_class, seed)
        few = source[drawn], labels[drawn], target, target_labels
        accuracies["none"].append(nearest_neighbour(*few))
        for name, (make, unit_length) in FEW_ROWS.items():
            result = aligned_accuracy(make, unit_length, *few)
            accuracies[name].append(result["accuracy"])
    return {
        name: {
            "accuracy": round(float(np.mean(values)), 2),
            "standard_deviation": round(float(np.std(values)), 2),
        }
        for name, values in accuracies.items()
    }


def draw(labels, rows_per_class, seed):
    """Numbers of so many rows of each class, at most all it has."""
    generator = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        number = min(rows_per_class, len(rows))
        chosen.append(generator.choice(rows, number, replace=False))
    return np.concatenate(chosen)


def all_rows_svm(source, labels, target, target_labels):
    layer = kt.subspace.Coral()
    layer.adapt(source, target)
    kernel = np.asarray(layer.weights[0], "float64")
    mapped = source @ kernel
    cases = {
        "rbf": (
            lambda c: SVC(C=c, gamma=1 / source.shape[1]),
            source,
            target,
            RBF_C,
        ),
        # libsvm is given A as if it were symmetric, as in the paper.
        "coral_kernel": (
            lambda c: SVC(C=c, kernel="precomputed"),
            mapped @ source.T,
            target @ mapped.T,
            KERNEL_C,
        ),
        "coral_layer_linear": (
            lambda c: SVC(C=c, kernel="linear"),
            np.asarray(layer(source, domain="source"), "float64"),
            target,
            RBF_C,
        ),
    }
    results = {}
    for name, (make, train, test, grid) in tqdm(cases.items(), unit="SVM"):
        c = chosen_c(make, grid, train, labels, name == "coral_kernel")
        accuracy = make(c).fit(train, labels).score(test, target_labels)
        results[name] = {"accuracy": round(100 * accuracy, 2), "C": float(c)}
    return results


def chosen_c(make, grid, train, labels, precomputed):
    """C of the best 2-fold cross-validation on the source, the least."""
    halves = list(StratifiedKFold(2).split(train, labels))
    scores = []
    for c in grid:
        score = 0.0
        for fit, held in halves:
            columns = fit if precomputed else np.arange(train.shape[1])
            svm = make(c).fit(train[np.ix_(fit, columns)], labels[fit])
            score += svm.score(train[np.ix_(held, columns)], labels[held])
        scores.append(score)
    return grid[int(np.argmax(scores))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--source", default="amazon", help="domain")
    parser.add_argument("--target", default="caltech", help="domain")
    parser.add_argument("--features", default="surf", help="or googlenet")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--rows-per-class", type=int)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    domains = (
        *office_caltech(arguments.data, arguments.source, arguments.features),
        *office_caltech(arguments.data, arguments.target, arguments.features),
    )
    rows_per_class = arguments.rows_per_class or (
        8 if arguments.source == "dslr" else 20
    )
    results = {
        "all_rows_nearest_neighbour": all_rows_nearest_neighbour(*domains),
        "all_rows_svm": all_rows_svm(*domains),
        "few_rows_nearest_neighbour": few_rows_nearest_neighbour(
            domains, rows_per_class, arguments.draws
        ),
    }
    published = {}
    if arguments.features == "surf":
        pair = arguments.source, arguments.target
        published = PUBLISHED.get(pair, {})
    show(results, published)
    if arguments.out:
        digits.write(
            arguments.out,
            [],
            pair=f"{arguments.source} -> {arguments.target}",
            features=arguments.features,
            rows_per_class=rows_per_class,
            draws=arguments.draws,
            results=results,
            published=published,
        )


def show(results, published):
    """Prints each table beside what was published."""
    for table, methods in results.items():
        print(f"\n{table.replace('_', ' ')}")
        for name, result in methods.items():
            there = published.get(table, {}).get(name)
            beside = "" if there is None else f"   published {there:6.2f}"
            print(f"  {name:20s} {result['accuracy']:6.2f}{beside}")


if __name__ == "__main__":
    main()
