"""The small backbone that ships with the package: its recipe and its quality.

    python benchmarks/omniglot_backbone.py --data ../shared/data \
        --work FOLDER --out F.json

Data: the background half of Omniglot (MIT licence), split by character as in
Vinyals et al., 2016: the 792 characters of their training part that the file
holds train, the 172 of their validation part are for the figures alone. Every
character also counts as three others, turned by 90, 180 and 270 degrees.

Network: four times 3x3 convolution with 64 filters, batch norm, ReLU and 2x2
max-pooling, which leaves 64 features of an image (28, 28, 1) from 0 to 1, ink
bright. It is trained by plain `fit` to tell characters apart.

What was to be chosen, the head and with it the loss, was chosen with
`--trial HEAD --epochs 2`: short runs without some alphabets of the 792
characters, which are used to measure. Episodes were ahead by far; after a
longer training the other heads may be as good. Neither the 172 characters nor
MNIST took part, and the changes made to the drawings were not tuned.

The work folder gets `model.keras`, the network without its head, and
`omniglot_conv4`, the zoo entry that ships in `keras_transfer/zoo/shipped`. A
broken run continues from its last epoch and ends with the same weights. Times
are wall times of one core, shared with other work.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np
import omniglot_data
import omniglot_quality
import tensorflow as tf

from keras_transfer import zoo
from keras_transfer.cli.recipes.networks import conv4_maps

DRAWINGS = 20
TURNS = 4
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
#: Of the cosines before the softmax.
SCALE = 20.0
#: Drawings of a character in an episode of training, the first is support.
EPISODE_ROWS = 4
HEADS = ("dense", "cosine", "episodes")
#: Chosen by the trials.
HEAD = "episodes"
CLASSES_HELD_OUT_IN_TRIALS = 120
#: Of the final figures.
NUM_EPISODES = 1000


# === Data


def load(folder):
    """Ink and grey images, and which characters train and which measure.

    Returns:
        `(images, alphabets, train, test)`: uint8 from 0 to 255, shape
        `(964, 20, 28, 28, 2)`, the last axis is ink or paper and grey;
        strings `(964,)`; two boolean arrays `(964,)`.
    """
    paths = [
        pathlib.Path(folder) / name
        for name in ("omniglot_background.npz", "omniglot_vinyals_splits.json")
    ]
    for path in paths:
        if not path.exists():
            sys.exit(f"omniglot_backbone.py: no file {path.name} in {folder}")
    with np.load(paths[0]) as file:
        images = np.stack([255 * file["images"], file["images_gray"]], axis=-1)
        alphabets, characters = file["alphabet"], file["character"]
    splits = json.loads(paths[1].read_text())
    names = [f"{a}/{c}" for a, c in zip(alphabets, characters, strict=True)]
    train, test = (np.isin(names, splits[part]) for part in ("train", "val"))
    return images, alphabets, train, test


def turned(images):
    """Each character followed by its three turns, as characters of their own.

    Args:
        images: `(characters, drawings, 28, 28, kinds)`.

    Returns:
        `(4 * characters, drawings, 28, 28, kinds)`.
    """
    turns = [np.rot90(images, k, axes=(2, 3)) for k in range(TURNS)]
    return np.stack(turns, axis=1).reshape(-1, *images.shape[1:])


def held_out_of_training(alphabets, train, seed=0):
    """Some whole alphabets of the training part, for the trials."""
    names = np.unique(alphabets[train])
    held_out = np.zeros(len(train), dtype=bool)
    for name in np.random.default_rng(seed).permutation(names):
        if held_out.sum() < CLASSES_HELD_OUT_IN_TRIALS:
            held_out |= train & (alphabets == name)
    return held_out


def batches(images, seed, epoch, in_episodes):
    """One epoch, whose order and changes depend on `(seed, epoch)` alone.

    Every drawing and turn comes once. In episodes a batch has four drawings
    each of 32 characters, one character after the other.
    """
    generator = np.random.default_rng([seed, epoch])
    characters = len(images)
    rows = np.arange(characters * DRAWINGS)
    if in_episodes:
        order = generator.permuted(rows.reshape(characters, -1), axis=1)
        groups = order.reshape(-1, EPISODE_ROWS)
        rows = generator.permutation(groups).reshape(-1)
    else:
        rows = generator.permutation(rows)
    steps = len(rows) // BATCH_SIZE
    rows = rows[: steps * BATCH_SIZE].reshape(steps, BATCH_SIZE)
    flat = tf.constant(images.reshape(-1, *images.shape[2:]))

    def load_batch(step, rows):
        key = tf.stack([tf.cast(epoch * steps, tf.int64) + step, seed])
        images = omniglot_data.changed(tf.gather(flat, rows), key)
        return images, rows // DRAWINGS

    return tf.data.Dataset.from_tensor_slices(rows).enumerate().map(load_batch)


# === Model


def network():
    """From images `(28, 28, 1)`, 0 to 1, to 64 features."""
    inputs = keras.Input((28, 28, 1), name="image")
    x = conv4_maps(inputs)
    features = keras.layers.Flatten(name="features")(x)
    return keras.Model(inputs, features, name="backbone")


def classifier(backbone, head, num_classes, steps):
    """The network with its head, compiled."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = ["accuracy"]
    x = backbone.output
    if head == "dense":
        x = keras.layers.Dense(num_classes, name="head")(x)
    elif head == "cosine":
        x = keras.layers.UnitNormalization(name="unit_length")(x)
        x = keras.layers.Dense(
            num_classes,
            use_bias=False,
            kernel_constraint=keras.constraints.UnitNorm(axis=0),
            name="head",
        )(x)
        x = keras.layers.Rescaling(SCALE, name="scale")(x)
    else:
        loss, metrics = prototypical_loss, None
    model = keras.Model(backbone.input, x)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    # On a CPU, XLA takes twice as long for these convolutions.
    model.compile(
        keras.optimizers.Adam(rate), loss, metrics=metrics, jit_compile=False
    )
    return model


@keras.saving.register_keras_serializable("omniglot_backbone")
def prototypical_loss(labels, features):
    """Cross-entropy of queries over the distances to one support per class."""
    groups = tf.reshape(features, (-1, EPISODE_ROWS, features.shape[-1]))
    support = groups[:, 0]
    queries = tf.reshape(groups[:, 1:], (-1, features.shape[-1]))
    distances = tf.reduce_sum((queries[:, None] - support[None]) ** 2, axis=-1)
    expected = tf.repeat(tf.range(tf.shape(support)[0]), EPISODE_ROWS - 1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(expected, -distances)


def train(images, head, epochs, seed, folder=None):
    """Trains a network, or continues; returns it without its head.

    Args:
        images: uint8, `(characters, 20, 28, 28, 2)`.
        head: One of `HEADS`.
        epochs: Number of passes.
        seed: Of weights, order and changes.
        folder: Where the state is kept after every epoch, or `None`.

    Returns:
        The network, and a record for each epoch.
    """
    keras.utils.set_random_seed(seed)
    steps = len(images) * DRAWINGS // BATCH_SIZE
    model = classifier(network(), head, len(images), epochs * steps)
    state, history = folder and folder / "training.keras", []
    if state and state.exists():
        model = keras.models.load_model(state)
        history = json.loads((folder / "history.json").read_text())
        history = history[: int(model.optimizer.iterations) // steps]
    for epoch in range(len(history), epochs):
        began = time.perf_counter()
        result = model.fit(
            batches(images, seed, epoch, in_episodes=head == "episodes"),
            verbose=0,
            shuffle=False,
        )
        record = {k: round(v[0], 4) for k, v in result.history.items()}
        record["seconds"] = round(time.perf_counter() - began, 1)
        history.append(record)
        print(f"{head}, epoch {epoch + 1} of {epochs}: {record}", flush=True)
        if state:
            (folder / "history.json").write_text(json.dumps(history))
            partial = state.with_name("partial.keras")
            model.save(partial)
            partial.replace(state)
    features = model.get_layer("features").output
    return keras.Model(model.input, features, name="backbone"), history


# === Runs


def trial(arguments, images, alphabets, train_part):
    """A short run, measured on training characters that it did not see."""
    head, epochs, seed = arguments.trial, arguments.epochs, arguments.seed
    held_out = held_out_of_training(alphabets, train_part)
    seen = turned(images[train_part & ~held_out])
    backbone, history = train(seen, head, epochs, seed)
    return {
        "head": head,
        "epochs": epochs,
        "seed": seed,
        "held_out": sorted(set(alphabets[held_out].tolist())),
        "history": history,
        "quality": omniglot_quality.episodes(
            backbone, turned(images[held_out]), num_episodes=400
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of the data")
    parser.add_argument("--work", type=pathlib.Path, help="folder for weights")
    parser.add_argument("--trial", choices=HEADS, help="try a head instead")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="of TensorFlow")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)

    images, alphabets, train_part, test_part = load(arguments.data)
    contents = {}
    if arguments.out and arguments.out.exists():
        contents = json.loads(arguments.out.read_text())
    trials = contents.get("runs", [])
    kept = ("protocol", "trained", "quality")
    details = {key: contents[key] for key in kept if key in contents}
    if arguments.trial:
        trials = [run for run in trials if run["head"] != arguments.trial]
        trials.append(trial(arguments, images, alphabets, train_part))
    elif arguments.work:
        details = final(arguments, images, train_part, test_part)
    else:
        parser.error("--work FOLDER is needed to train")
    if arguments.out:
        digits.write(arguments.out, trials, **details)
    print(json.dumps(trials[-1] if arguments.trial else details, indent=1))


def final(arguments, images, train_part, test_part):
    """The backbone that ships: trained, saved and measured."""
    folder = arguments.work
    folder.mkdir(parents=True, exist_ok=True)
    backbone, history = train(
        turned(images[train_part]),
        HEAD,
        arguments.epochs,
        arguments.seed,
        folder,
    )
    backbone.save(folder / "model.keras")
    card = zoo.find_card("omniglot_conv4")
    shutil.rmtree(folder / card.name, ignore_errors=True)
    zoo.save(backbone, folder / card.name, card)
    test = turned(images[test_part])
    return {
        "protocol": {
            "omniglot": f"mean and 95 % interval of {NUM_EPISODES} episodes, "
            f"{omniglot_quality.QUERIES} queries per class, {len(test)} "
            "classes: the 172 characters and their turns; nearest centroid, "
            "per cent",
            "mnist": "mean and standard deviation of 10 draws of 10 digits "
            "per class from x_train, the first 2,000 of x_test, per cent",
        },
        "trained": {
            "head": HEAD,
            "epochs": arguments.epochs,
            "seed": arguments.seed,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "parameters": backbone.count_params(),
            "train_characters": int(train_part.sum()),
            "test_characters": int(test_part.sum()),
            "turns": TURNS,
            "seconds": round(sum(epoch["seconds"] for epoch in history)),
            "history": history,
        },
        "quality": {
            "omniglot": omniglot_quality.episodes(backbone, test, NUM_EPISODES),
            "mnist": omniglot_quality.mnist(backbone, arguments.data),
        },
    }


if __name__ == "__main__":
    main()
