"""Do scores of frozen features foretell how well fine-tuning will do?

    python benchmarks/ranking.py --data ../shared/data --out F.json

Candidates: four networks (a LeNet, four convolutions with batch norm, a small
residual network, dense layers), each pretrained on four sources, sixteen in
all. Targets: USPS, ten digits, and COIL-20, twenty objects. The sources are
MNIST, MNIST-M in grey, 200 characters of Omniglot, and of USPS and COIL-20 the
one that is not the target. Ten labelled images of each class are given.
`zoo.rank_backbones` scores each candidate by these, LEEP and NCE by its source
classifier; nothing else is read. What is true is the accuracy on the test
images after `finetune.prepare` has trained a new head on the same images, and
then all of the candidate, the mean over draws.

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

#: Steps of the two stages, and the rate of the head in them.
STAGES = {"head": (100, 1e-2), "full": (300, 1e-3)}
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
SOURCES = ("mnist", "mnistm", "omniglot", "usps", "coil20")


def load(folder, name):
    """Images `(rows, 28, 28, 1)` uint8 and labels, to learn and to test."""
    if name == "coil20":
        return coil20(pathlib.Path(folder) / "coil20_halves.npz")
    if name != "omniglot":
        return [(grey(x), y) for x, y in digits.load(folder, name)]
    with np.load(pathlib.Path(folder) / "omniglot_background.npz") as file:
        images = file["images_gray"][:200]
    labels = np.repeat(np.arange(len(images)), images.shape[1])
    return [(images.reshape(-1, 28, 28, 1), labels.astype("int32")), None]


def coil20(path):
    """Half of all views to learn and half to test, at random."""
    with np.load(path) as file:
        images = np.concatenate([file["x_1"], file["x_2"]])
        labels = np.concatenate([file["y_1"], file["y_2"]]).astype("int32")
    images = keras.ops.image.resize(
        images.reshape(-1, 32, 32, 1).astype("float32"), (28, 28)
    )
    images = np.rint(keras.ops.convert_to_numpy(images)).astype("uint8")
    rows = np.random.default_rng(0).permutation(len(labels))
    return [(images[part], labels[part]) for part in np.split(rows, 2)]


def grey(images):
    return np.rint(images.mean(axis=-1, keepdims=True)).astype("uint8")


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
    """Accuracy after a new head, and then all of a candidate, learnt."""
    keras.utils.set_random_seed(seed)
    num_classes = int(test[1].max()) + 1
    data = finetune.batches(x, y, finetune.BATCH, seed)
    for strategy, (steps, rate) in STAGES.items():
        model, callbacks = kt.finetune.prepare(
            model, num_classes, strategy, rate
        )
        num_classes = None  # the head stays
        finetune.compiled(model, model.optimizer)  # without XLA
        finetune.learn(model, data, steps, callbacks=callbacks)
    return digits.accuracy(digits.probabilities(model, test[0]), test[1])


def run(models, target, train, test, seed):
    """The records of all candidates on one draw."""
    rows = finetune.draw(train[1], seed)
    x, y = train[0][rows], train[1][rows]
    scores = scores_of(models, x, y)
    records = []
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
    return records


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

    data = {name: load(arguments.data, name) for name in SOURCES}
    models = {}
    for source in tqdm(SOURCES, "Pretraining", unit=" sources"):
        for network in NETWORKS:
            path = arguments.work / f"ranking_{network}_{source}.weights.h5"
            models[f"{network} {source}"] = candidate(
                network, data[source][0], path
            )
    records = digits.earlier_runs(arguments.out)
    done = {(record["target"], record["draw"]) for record in records}
    for target in arguments.targets:
        others = {
            name: model
            for name, model in models.items()
            if not name.endswith(target)
        }
        for seed in range(arguments.draws):
            if (target, seed) not in done:
                records += run(others, target, *data[target], seed)
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
