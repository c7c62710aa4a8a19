"""Do scores of frozen features foretell how well fine-tuning will do?

    python benchmarks/ranking.py --data ../shared/data --out F.json

Candidates: four networks (a LeNet, four convolutions with batch norm, a small
residual network, dense layers), each pretrained on MNIST, on MNIST-M in grey
and on 200 characters of Omniglot, twelve in all; a network and a source make a
candidate. Targets: USPS, ten classes, and COIL-20, twenty objects; neither is a
source. A few labelled images of each class are given. `zoo.rank_backbones`
scores each candidate by these, LEEP and NCE by its source classifier; nothing
else is read. What is true is the accuracy on the test images after all of a
candidate with a new head was fine-tuned on the same images, the mean over
draws.

Kendall's tau (b) of each score with the truth, and its 95 % interval by
bootstrap over the candidates. Settings of fine-tuning are one for all and were
not varied. Results that `--out` holds are not repeated; pretrained networks are
kept in `--work`.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import finetune
import keras
import numpy as np
from keras import layers
from scipy import stats
from tqdm import tqdm

import keras_transfer as kt

SHOTS = 10
STEPS = 300
BATCH = 20
PRETRAINING = {"steps": 2000, "batch": 64}
SCORES = (
    "logme",
    "h_score",
    "regularized_h_score",
    "transrate",
    "leep",
    "nce",
)


def lenet(x):
    for filters in (32, 48):
        x = layers.Conv2D(filters, 5, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    return layers.Dense(100, activation="relu")(x)


def conv4(x):
    for _ in range(4):
        x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(x))
    return layers.Flatten()(x)


def residual(x):
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, strides=2, padding="same")(x)
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
        y = layers.Conv2D(filters, 3, padding="same")(y)
        x = layers.ReLU()(layers.Add()([x, y]))
    return layers.GlobalAveragePooling2D()(x)


def dense(x):
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(256, activation="relu")(x)
    return x


NETWORKS = {
    network.__name__: network for network in (lenet, conv4, residual, dense)
}
SOURCES = ("mnist", "mnistm", "omniglot")


def source_data(folder, name):
    """Images `(rows, 28, 28, 1)` uint8 and labels of a source."""
    if name == "omniglot":
        with np.load(pathlib.Path(folder) / "omniglot_background.npz") as file:
            images = file["images_gray"][:200]
        labels = np.repeat(np.arange(len(images)), images.shape[1])
        return images.reshape(-1, 28, 28, 1), labels.astype("int32")
    (images, labels), _ = digits.load(folder, name)
    if images.shape[-1] == 3:
        images = images.mean(axis=-1, keepdims=True).astype("uint8")
    return images, labels


def target_data(folder, name):
    """Two pairs of images `(rows, 28, 28, 1)` and labels: to draw, to test."""
    if name == "usps":
        return digits.load(folder, "usps")
    with np.load(pathlib.Path(folder) / "coil20_halves.npz") as file:
        images = np.concatenate([file["x_1"], file["x_2"]])
        labels = np.concatenate([file["y_1"], file["y_2"]]).astype("int32")
    images = keras.ops.image.resize(
        images.reshape(-1, 32, 32, 1).astype("float32"), (28, 28)
    )
    images = np.rint(keras.ops.convert_to_numpy(images)).astype("uint8")
    rows = np.random.default_rng(0).permutation(len(labels))
    return [(images[part], labels[part]) for part in np.split(rows, 2)]


def candidate(network, data, path):
    """A source's classifier, features and logits, from `path` if there."""
    images, labels = data
    keras.utils.set_random_seed(0)
    inputs = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = layers.Identity(name="features")(NETWORKS[network](x))
    logits = layers.Dense(int(labels.max()) + 1, name="logits")(x)
    model = keras.Model(inputs, logits)
    if path.exists():
        model.load_weights(path)
        return model
    steps = PRETRAINING["steps"]
    finetune.compiled(model, finetune.adam(1e-3, steps))
    batches = finetune.batches(images, labels, PRETRAINING["batch"], seed=0)
    finetune.learn(model, batches, steps)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(path)
    return model


def scores_of(models, x, y):
    """For each candidate its scores, by these labelled images."""
    backbones, classifiers = {}, {}
    for name, model in models.items():
        features = model.get_layer("features").output
        backbones[name] = keras.Model(model.inputs, features)
        classifiers[name] = model.get_layer("logits")
    ranking = kt.zoo.rank_backbones(
        backbones,
        (x.astype("float32"), y),
        scores=SCORES,
        classifiers=classifiers,
        verbose=0,
    )
    return {
        row["name"]: {score: row["scores"][score] for score in SCORES}
        for row in ranking.rows
    }


def fine_tuned(model, x, y, test, seed):
    """Accuracy after all of a candidate, with a new head, learnt on."""
    keras.utils.set_random_seed(seed)
    features = keras.models.clone_model(model)
    features.set_weights(model.get_weights())
    head = layers.Dense(int(test[1].max()) + 1, name="head")
    new = keras.Model(
        features.inputs, head(features.get_layer("features").output)
    )
    finetune.compiled(new, finetune.adam(1e-3, STEPS))
    finetune.learn(new, finetune.batches(x, y, BATCH, seed), STEPS)
    return digits.accuracy(digits.probabilities(new, test[0]), test[1])


def draw(labels, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == label), SHOTS, replace=False)
            for label in range(labels.max() + 1)
        ]
    )


def tau(scores, truth, seed=0, resamples=2000):
    """Kendall's tau-b and its bootstrap interval over the candidates."""
    value = stats.kendalltau(scores, truth).statistic
    rng = np.random.default_rng(seed)
    values = [
        stats.kendalltau(scores[rows], truth[rows]).statistic
        for rows in rng.integers(len(truth), size=(resamples, len(truth)))
    ]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return [round(float(number), 2) for number in (value, low, high)]


def summary(records):
    """For each target the taus, and the means that they are of."""
    table = {}
    for target in dict.fromkeys(record["target"] for record in records):
        rows = [record for record in records if record["target"] == target]
        names = list(dict.fromkeys(row["candidate"] for row in rows))

        def means(key, rows=rows, names=names):
            return np.array(
                [
                    np.mean([r[key] for r in rows if r["candidate"] == name])
                    for name in names
                ]
            )

        truth = means("accuracy")
        table[target] = {
            "tau": {score: tau(means(score), truth) for score in SCORES},
            "accuracy": dict(zip(names, truth.round(2).tolist(), strict=True)),
        }
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of .npz files")
    parser.add_argument("--targets", nargs="+", default=["usps", "coil20"])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--work", type=pathlib.Path, default="work")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    models = {}
    for source in tqdm(SOURCES, "Pretraining", unit=" sources"):
        data = source_data(arguments.data, source)
        for network in NETWORKS:
            path = arguments.work / f"ranking_{network}_{source}.weights.h5"
            models[f"{network} {source}"] = candidate(network, data, path)
    records = digits.earlier_runs(arguments.out)
    done = {(record["target"], record["draw"]) for record in records}
    for target in arguments.targets:
        train, test = target_data(arguments.data, target)
        for seed in range(arguments.draws):
            if (target, seed) in done:
                continue
            rows = draw(train[1], seed)
            x, y = train[0][rows], train[1][rows]
            scores = scores_of(models, x, y)
            for name, model in tqdm(models.items(), f"{target} {seed}"):
                began = time.perf_counter()
                accuracy = fine_tuned(model, x, y, test, seed)
                records.append(
                    {
                        "target": target,
                        "draw": seed,
                        "candidate": name,
                        "accuracy": accuracy,
                        "seconds": round(time.perf_counter() - began, 1),
                        **scores[name],
                    }
                )
            digits.write(arguments.out, records, summary=summary(records))
    for target, table in summary(records).items():
        print(f"\n{target}: true accuracy")
        for name, accuracy in sorted(
            table["accuracy"].items(), key=lambda pair: -pair[1]
        ):
            print(f"  {name:20s} {accuracy:6.2f}")
        print("Kendall's tau with it")
        for score, (value, low, high) in table["tau"].items():
            print(f"  {score:20s} {value:5.2f}  [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
