"""How the configurations in `digits.py` were chosen: without target labels.

    python benchmarks/digits_search.py --data ../shared/data --out F.json

Trains every candidate once on MNIST -> USPS with a seed that the table does
not use, and takes for each method the one with the highest
`selection.information_minus_risk` (unlabelled target training images, held-out
source). The target test accuracies are written to the file, so that everything
that was tried can be seen with its figure; they are neither printed nor used.
"""

import argparse
import json
import pathlib
import sys
import time

import digits
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


CANDIDATES = {
    f"{term.__name__}({value}) {batch_norm}": {
        "alignment": term(value),
        "batch_norm": batch_norm,
    }
    for batch_norm in BATCH_NORMS
    for term, values in (
        (dann, (1.0, 0.3)),
        (dan, (1.0, 3.0)),
        (deep_coral, (1.0, 30.0, 1000.0)),
    )
    for value in values
}


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
    records = []
    if arguments.out.exists():
        records = json.loads(arguments.out.read_text())["runs"]
    done = {record["method"] for record in records}
    for name in tqdm([name for name in CANDIDATES if name not in done]):
        record = digits.run(
            name, CANDIDATES[name], SEED, source, target, arguments.steps, 64
        )
        records.append(record)
        digits.write(
            arguments.out,
            {
                "date": time.strftime("%Y-%m-%d"),
                "command": "python benchmarks/digits_search.py "
                + " ".join(sys.argv[1:]),
                "versions": digits.versions(),
                "steps": arguments.steps,
                "seed": SEED,
                "chosen": chosen(records),
                "runs": records,
            },
        )
    for method, name in chosen(records).items():
        print(f"{method:12s} {name}")


def chosen(records):
    """The best candidate of each method by the unlabelled score."""
    best = {}
    for record in records:
        method = record["method"].split("(")[0]
        score = record["information_minus_risk"]
        if method not in best or score > best[method][0]:
            best[method] = (score, record["method"])
    return {method: name for method, (_, name) in best.items()}


if __name__ == "__main__":
    main()
