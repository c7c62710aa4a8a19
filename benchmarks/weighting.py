"""Importance weights: known densities, label shift, few labels, hospitals.

    python benchmarks/weighting.py --data ../shared/data --out F.json

- `densities`: correlation of weights with the true ratio of known Gaussian
  densities, 1000 source and target rows, mean over seeds and the least; for
  `rulsif` with the ratio to the mixture.
- `label_shift`: largest error of a class's share in the target, for a
  calibrated classifier and one that is too sure of itself.
- `few_labels`: error on a target of which 40 rows have labels, beside 400 of
  a source that contradicts it in part.
- `heart`: heart disease in four hospitals, all twelve pairs. The area under
  the ROC curve on the target of a logistic regression (C = 1) on the source,
  without and with weights, and the effective sample sizes. One recipe for
  all: missing values become the source's median (0 where it has none), and
  columns are standardised by the source. Default settings throughout; target
  labels are read by the score alone.
"""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import alternation
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier
from tqdm import tqdm

from keras_transfer import weighting
from keras_transfer.cli import output

METHODS = {
    "kernel_mean_matching": weighting.kernel_mean_matching,
    "kliep": weighting.kliep,
    "ulsif": weighting.ulsif,
    "rulsif": weighting.rulsif,
    "discriminative": weighting.discriminative,
    "nearest_neighbour": weighting.nearest_neighbour,
}
MIXTURE = 0.1

#: Mean and deviation of the source and of the target, and the columns. With
#: several columns the means are as far apart as with one.
DENSITIES = {
    "narrower and moved": ((0.0, 1.0), (1.0, 0.7), 1),
    "moved": ((0.0, 1.0), (0.8, 1.0), 1),
    "narrow, at the source's edge": ((1.0, 0.5), (2.0, 0.25), 1),
    "narrower and moved, five columns": ((0.0, 1.0), (1.0, 0.7), 5),
}
HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")


def gaussians(source, target, columns, seed, rows=1000):
    """Rows of two Gaussians, and the ratio of densities at the source's."""
    generator = np.random.default_rng(seed)
    middle = source[0] + (target[0] - source[0]) / np.sqrt(columns)
    x = source[0] + source[1] * generator.normal(size=(rows, columns))
    t = middle + target[1] * generator.normal(size=(rows, columns))
    logs = ((x - source[0]) / source[1]) ** 2 - ((x - middle) / target[1]) ** 2
    scale = (source[1] / target[1]) ** columns
    return x, t, scale * np.exp(0.5 * logs.sum(axis=1))


def densities(seeds):
    results = {}
    for name, (source, target, columns) in DENSITIES.items():
        found = {method: [] for method in METHODS}
        effective = []
        for seed in tqdm(range(seeds), desc=name):
            x, t, ratio = gaussians(source, target, columns, seed)
            effective.append(weighting.effective_sample_size(ratio))
            for method, weights_of in METHODS.items():
                truth = ratio
                if method == "rulsif":
                    truth = ratio / (MIXTURE * ratio + 1 - MIXTURE)
                weights = weights_of(x, t)
                found[method].append(np.corrcoef(weights, truth)[0, 1])
        results[name] = {
            "true_effective_rows": round(float(np.mean(effective)), 1),
            **{
                method: {
                    "mean": round(float(np.mean(values)), 4),
                    "least": round(float(np.min(values)), 4),
                }
                for method, values in found.items()
            },
        }
    return results


def label_shift(seeds, rows=2000):
    """Three Gaussian classes of equal shares, and of 0.1, 0.2, 0.7."""
    middles = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
    errors = {}
    for seed in range(seeds):
        generator = np.random.default_rng(seed)

        def draw(shares, generator=generator):
            labels = generator.choice(3, rows, p=shares)
            return labels, middles[labels] + generator.normal(size=(rows, 2))

        train, held_out = draw([1 / 3] * 3), draw([1 / 3] * 3)
        labels, target = draw([0.1, 0.2, 0.7])
        wanted = np.bincount(labels) / rows
        model = LogisticRegression().fit(train[1], train[0])
        for sure, power in (("calibrated", 1.0), ("too_sure", 4.0)):
            source_p, target_p = (
                _powered(model.predict_proba(x), power)
                for x in (held_out[1], target)
            )
            shifts = {
                "bbse": weighting.label_shift_bbse(
                    held_out[0], source_p, target_p
                ),
                "bbse_hard": weighting.label_shift_bbse(
                    held_out[0], source_p, target_p, hard=True
                ),
                "em": weighting.label_shift_em(train[0], target_p),
            }
            for method, shift in shifts.items():
                error = np.abs(shift.target_shares - wanted).max()
                errors.setdefault(sure, {}).setdefault(method, []).append(error)
    return {
        sure: {
            method: round(float(np.mean(values)), 4)
            for method, values in of_method.items()
        }
        for sure, of_method in errors.items()
    }


def _powered(probabilities, power):
    found = probabilities**power
    return found / found.sum(axis=1, keepdims=True)


def few_labels(seeds):
    errors = {}
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    for seed in range(seeds):
        generator = np.random.default_rng(seed)

        def draw(count, normal, generator=generator):
            x = generator.normal(size=(count, 2))
            return x, (x @ normal > 0).astype(int)

        source = draw(400, [1.0, -1.0])
        target = draw(40, [1.0, 0.6])
        x, y = draw(5000, [1.0, 0.6])
        both = [np.concatenate(p) for p in zip(source, target, strict=True)]
        models = {
            "source": tree.fit(*source).predict(x),
            "target": tree.fit(*target).predict(x),
            "source_and_target": tree.fit(*both).predict(x),
            "tr_ada_boost": weighting.TrAdaBoost(tree, 20)
            .fit(*source, *target)
            .predict(x),
        }
        for name, found in models.items():
            errors.setdefault(name, []).append((found != y).mean())
    return {
        name: round(float(np.mean(values)), 4)
        for name, values in errors.items()
    }


def prepared(source, target):
    """Both domains, imputed and standardised by the source."""
    known = ~np.isnan(source).all(axis=0)
    medians = np.zeros(source.shape[1])
    medians[known] = np.nanmedian(source[:, known], axis=0)
    source, target = (
        np.where(np.isnan(x), medians, x) for x in (source, target)
    )
    deviations = source.std(axis=0)
    deviations[deviations == 0] = 1.0
    means = source.mean(axis=0)
    return (source - means) / deviations, (target - means) / deviations


def heart(folder):
    path = pathlib.Path(folder) / "tabular_heart4.npz"
    if not path.exists():
        sys.exit(f"weighting.py: no file {path.name} in {folder}")
    file = np.load(path)
    results = {}
    for source in HOSPITALS:
        for target in HOSPITALS:
            if source == target:
                continue
            x, t = prepared(
                file[f"x_{source}"].astype("float64"),
                file[f"x_{target}"].astype("float64"),
            )
            labels, truth = (
                (file[f"num_{site}"] > 0).astype(int)
                for site in (source, target)
            )
            row = {"rows": [len(x), len(t)]}
            for method, weights_of in {"unweighted": None, **METHODS}.items():
                weights = weights_of(x, t) if weights_of else np.ones(len(x))
                model = LogisticRegression(max_iter=1000)
                model.fit(x, labels, sample_weight=weights)
                score = roc_auc_score(truth, model.decision_function(t))
                row[method] = {
                    "auc": round(100 * float(score), 2),
                    "effective_rows": round(
                        weighting.effective_sample_size(weights), 1
                    ),
                }
            results[f"{source} to {target}"] = row
    methods = ["unweighted", *METHODS]
    results["mean"] = {
        method: round(
            float(np.mean([row[method]["auc"] for row in results.values()])), 2
        )
        for method in methods
    }
    return results


def show(results):
    for name, row in results["densities"].items():
        print(f"{name} (true effective rows {row['true_effective_rows']})")
        for method in METHODS:
            print(f"  {method:22s} {row[method]}")
    print("label shift, error:", results["label_shift"])
    print("few labels, error:", results["few_labels"])
    heart_rows = dict(results["heart"])
    mean = heart_rows.pop("mean")
    for name, row in heart_rows.items():
        cells = "  ".join(
            f"{method} {row[method]['auc']:.1f} "
            f"({row[method]['effective_rows']:.0f})"
            for method in mean
        )
        print(f"{name:28s} {cells}")
    print(f"{'mean':28s} {mean}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    return parser.parse_args()


def main():
    arguments = parse()
    results = {
        "heart": heart(arguments.data),
        "label_shift": label_shift(arguments.seeds),
        "few_labels": few_labels(arguments.seeds),
        "densities": densities(arguments.seeds),
    }
    show(results)
    if arguments.out:
        contents = {
            **alternation.about("benchmarks/weighting.py", {}),
            "seeds": arguments.seeds,
            "results": results,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
