"""German credit from the raw CSV file: a small net beside scikit-learn.

    python benchmarks/credit.py --data ../shared/data \
        --out benchmarks/results/credit.json

1000 applicants, 7 numbers and 13 categories each, 30 % of them bad risks.
Each seed holds out 30 % of each class; both sides learn from the same other
70 %. Accuracy and area under the ROC curve of the held-out rows, in per cent,
and the share of the larger class for comparison.

- `keras_transfer`: `csv_table`, `TablePreparation` and a net of one hidden
  layer of 16 with dropout, 30 epochs of Adam; these settings were chosen once,
  before the first run. It is saved, loaded and asked for raw rows;
- `logistic_regression`: scikit-learn's, with its default strength, on the
  features of its own SimpleImputer, StandardScaler and OneHotEncoder.
"""

import argparse
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import alternation
import keras
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.preprocessing import StandardScaler

import keras_transfer as kt
from keras_transfer.cli import output

FILE = "tabular_german_credit.csv"
HELD_OUT = 0.3
EPOCHS = 30


def by_the_net(table, seed, folder):
    """Probabilities of a bad risk, of the held-out rows."""
    keras.utils.set_random_seed(seed)
    preparation = kt.data.TablePreparation()
    preparation.adapt(table.batches("train"))
    inputs = table.inputs()
    x = keras.layers.Dense(16, "relu")(preparation(inputs))
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    model.fit(
        table.batches("train", shuffle=True, seed=seed),
        epochs=EPOCHS,
        verbose=0,
        shuffle=False,
    )
    path = folder / "credit.keras"
    model.save(path)
    x, _ = table.arrays("validation")
    return keras.models.load_model(path).predict(x, verbose=0)[:, 0]


def by_logistic_regression(table, seed, folder):
    """The same of scikit-learn, with its own preparation."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    width = len(table.numeric)
    categories = list(range(width, len(table.columns)))
    model = make_pipeline(
        make_column_transformer(
            (numbers, list(range(width))),
            (OneHotEncoder(handle_unknown="ignore"), categories),
        ),
        LogisticRegression(max_iter=1000),
    )
    parts = {}
    for part in ("train", "validation"):
        x, y = table.arrays(part)
        columns = [x[name].astype(object) for name in table.columns]
        parts[part] = np.stack(columns, axis=1), y
    model.fit(*parts["train"])
    return model.predict_proba(parts["validation"][0])[:, 1]


SIDES = {
    "keras_transfer": by_the_net,
    "logistic_regression": by_logistic_regression,
}


def measure(path, seeds):
    """Figures of both sides: lists, one entry for each seed."""
    figures = {side: {"accuracy": [], "auc": []} for side in SIDES}
    for seed in seeds:
        table = kt.data.csv_table(
            path, "class", validation_split=HELD_OUT, seed=seed, verbose=0
        )
        _, labels = table.arrays("validation")
        with tempfile.TemporaryDirectory() as folder:
            for side, predict in SIDES.items():
                found = predict(table, seed, pathlib.Path(folder))
                accuracy = ((found > 0.5) == labels).mean()
                auc = roc_auc_score(labels, found)
                figures[side]["accuracy"].append(round(100 * accuracy, 2))
                figures[side]["auc"].append(round(100 * auc, 2))
    return figures, 100 * (labels == 0).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[*range(5)])
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    figures, larger = measure(arguments.data / FILE, arguments.seeds)
    results = {"larger_class": round(larger, 2)}
    for side, found in figures.items():
        results[side] = {}
        for metric, values in found.items():
            mean, spread = np.mean(values), np.std(values, ddof=1)
            results[side][metric] = {
                "mean": round(float(mean), 2),
                "std": round(float(spread), 2),
                "seeds": values,
            }
            print(f"{side:20s} {metric:9s} {mean:6.2f} +- {spread:.2f}")
    if arguments.out:
        contents = {
            **alternation.about("benchmarks/credit.py", {}),
            "results": results,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
