"""How the configurations in `digits.py` were chosen: without target labels.

    python benchmarks/digits_search.py --data ../shared/data --out F.json

Trains every candidate once on MNIST -> USPS with a seed that the table does
not use, and takes for each method the one with the highest
`selection.information_minus_risk` (unlabelled target training images, held-out
source). The target test accuracies are written to the file, so that everything
that was tried can be seen with its figure; they are neither printed nor used.
"""

import argparse
import pathlib

import digits
import numpy as np
from tqdm import tqdm

import keras_transfer as kt

SEED = 100
BATCH_NORMS = ("shared", "separate", "domain_specific")


def dann(strength):
    return lambda: kt.alignment.DomainAdversarial(
        strength=kt.schedules.SigmoidRamp(maximum=strength),
        discriminator=kt.layers.DomainDiscriminator(units=(100,)),
    )


def dan(weight):
    return lambda: kt.alignment.MeanDiscrepancy(weight=weight)


def deep_coral(weight):
    return lambda: kt.alignment.CorrelationAlignment(weight=weight)


#: First the terms, on the network with batch norm; then networks, with the
#: chosen terms.
TERMS = {
    f"{term.__name__}({value}) {batch_norm}": {
        "alignment": term(value),
        "batch_norm": batch_norm,
        "network": {"batch_norm": True, "dropout": 0.0},
    }
    for batch_norm in BATCH_NORMS
    for term, values in (
        (dann, (1.0, 0.3)),
        (dan, (1.0, 3.0)),
        (deep_coral, (1.0, 30.0, 1000.0)),
    )
    for value in values
}
NETWORKS = {
    f"{method}, network {network}": {**settings, "network": network}
    for network in (
        {"batch_norm": True, "dropout": 0.0},
        {"batch_norm": True, "dropout": 0.5},
        {"batch_norm": False, "dropout": 0.5},
    )
    for method, settings in digits.METHODS.items()
}
CANDIDATES = TERMS | NETWORKS


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    source, target = digits.same_channels(
        digits.load(arguments.data, "mnist"),
        digits.load(arguments.data, "usps"),
    )
    records = digits.earlier_runs(arguments.out)
    done = {record["method"] for record in records}
    todo = [name for name in CANDIDATES if name not in done]
    for name in tqdm(todo, unit="run"):
        record = digits.run(
            name, CANDIDATES[name], SEED, source, target, arguments.steps, 64
        )
        records.append(record)
        digits.write(
            arguments.out,
            records,
            steps=arguments.steps,
            seed=SEED,
            chosen=chosen(records),
        )
    for method, name in chosen(records).items():
        print(f"{method:12s} {name}")


def chosen(records):
    """The best candidates by the unlabelled score.

    For each method the best term, and the network with the best mean over the
    methods.
    """
    scores = {r["method"]: r["information_minus_risk"] for r in records}
    best = {}
    for name in filter(scores.get, TERMS):
        method = name.split("(")[0]
        if method not in best or scores[name] > scores[best[method]]:
            best[method] = name
    networks = {}
    for name in filter(scores.get, NETWORKS):
        networks.setdefault(name.split(", network ")[1], []).append(
            scores[name]
        )
    if networks:
        best["network"] = max(networks, key=lambda n: np.mean(networks[n]))
    return best


if __name__ == "__main__":
    main()
