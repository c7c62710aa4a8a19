"""Closed-form alignment on small pictures, beside the published table.

    python benchmarks/digits_shallow.py --data ../shared/data \
        --source mnist --target usps --out F.json

Domains are what a file of the folder has as `x_NAME` and `y_NAME`: `mnist`
and `usps` of 16x16 pixels, and the halves `1` and `2` of COIL-20. Protocol of
Long et al., 2013, table 3: all rows, of unit length before and after the
alignment, 1-nearest-neighbour. JDA has 100 dimensions, a regularization of
0.1 and 10 rounds; the dimensions of the others are those of office_caltech.py.
Optimal transport is Sinkhorn's, whose regularization is that of the smallest
risk by reverse validation. No setting is chosen with target labels.
"""

import argparse
import functools
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import numpy as np
from office_caltech import aligned_accuracy
from office_caltech import show
from shallow_domains import nearest_neighbour
from shallow_domains import pictures
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

import keras_transfer as kt

TABLE = "all_rows_nearest_neighbour"
PUBLISHED = {
    ("mnist", "usps"): (65.94, 66.22, 67.22, 56.28, 67.28),
    ("usps", "mnist"): (44.70, 44.95, 46.45, 51.05, 59.65),
    ("1", "2"): (83.61, 84.72, 72.50, 88.47, 89.31),
    ("2", "1"): (82.78, 84.03, 74.17, 85.83, 88.47),
}
METHODS = {
    "pca": lambda: kt.subspace.PCA(100),
    "gfk": lambda: kt.subspace.GeodesicFlowKernel(20),
    "tca": lambda: kt.subspace.TransferComponentAnalysis(
        100, "primal", regularization=0.1
    ),
    "jda": lambda: kt.subspace.JointDistributionAdaptation(
        100, rounds=10, regularization=0.1
    ),
}
REGULARIZATIONS = (1.0, 0.3, 0.1)


def optimal_transport(source, labels, target, target_labels):
    """Result of the candidate of the smallest risk, with all risks."""
    risks = {
        strength: kt.selection.reverse_validation(
            functools.partial(fit_transport, strength), source, labels, target
        )
        for strength in tqdm(REGULARIZATIONS, unit="candidate")
    }
    best = min(risks, key=risks.get)
    predict = fit_transport(best, source, labels, target)
    accuracy = 100.0 * float(np.mean(predict(target) == target_labels))
    return {
        "accuracy": round(accuracy, 2),
        "regularization": best,
        "risks": {str(strength): risk for strength, risk in risks.items()},
    }


def fit_transport(regularization, rows, labels, other_rows):
    """1-nearest-neighbour of rows that were moved to the other domain."""
    layer = kt.subspace.OptimalTransport("sinkhorn", regularization)
    layer.adapt(rows, other_rows)
    moved = np.asarray(layer(rows, domain="source"), "float64")
    return KNeighborsClassifier(n_neighbors=1).fit(moved, labels).predict


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--source", default="mnist", help="domain")
    parser.add_argument("--target", default="usps", help="domain")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    domains = (
        *pictures(arguments.data, arguments.source),
        *pictures(arguments.data, arguments.target),
    )
    methods = {"none": {"accuracy": nearest_neighbour(*domains)}}
    for name, make in tqdm(METHODS.items(), unit="method"):
        methods[name] = aligned_accuracy(make, True, *domains)
    methods["optimal_transport"] = optimal_transport(*domains)
    pair = arguments.source, arguments.target
    names = ("none", "pca", "gfk", "tca", "jda")
    published = {TABLE: dict(zip(names, PUBLISHED.get(pair, ()), strict=False))}
    show({TABLE: methods}, published)
    if arguments.out:
        digits.write(
            arguments.out,
            [],
            pair=" -> ".join(pair),
            results={TABLE: methods},
            published=published,
        )


if __name__ == "__main__":
    main()
