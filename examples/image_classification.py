"""Ten classes, ten images of each: a pretrained backbone, or from scratch?

    python examples/image_classification.py --data ../shared/data --out RUN
    python examples/image_classification.py --images photos/ \\
        --backbone mobilenet_v2_100_224 --out RUN

A folder of class folders is split by seed: a few images of each class train,
all others measure. Then there are two ways to the same network:

- pretrained: a new head learns on top of the frozen backbone, and then all of
  it learns on, the backbone at a tenth of the rate of the head;
- from scratch: the same network with new weights, for as many epochs in all.

What is printed is the accuracy on the other images; the curves are saved as
`curves.png`, the model that came of the first way as `model.keras`.

Without `--images` the folder is made of USPS, handwritten digits, and the
backbone is the small one that ships with the package. It has learnt to tell
792 characters of many alphabets apart, and has seen no digit.
"""

import argparse
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from PIL import Image

import keras_transfer as kt

FILE = "digits_usps.npz"
PER_CLASS = 200


def digits_folder(data, folder):
    """Writes images of USPS as `folder/digit/number.png`."""
    path = pathlib.Path(data) / FILE
    if not path.exists():
        sys.exit(f"image_classification.py: no file {FILE} in {data}")
    with np.load(path) as file:
        images, labels = file["x_train"], file["y_train"]
    for digit in range(10):
        of_class = pathlib.Path(folder) / str(digit)
        of_class.mkdir()
        for row in np.flatnonzero(labels == digit)[:PER_CLASS]:
            Image.fromarray(images[row]).save(of_class / f"{row}.png")
    return folder


def load_images(folder, backbone, shots, batch_size):
    """Batches of `shots` images of each class, and of all the others."""
    size = backbone.preprocessing.size or (224, 224)
    everything = kt.data.image_folder(folder, size=size)
    counts = np.bincount(everything.train.labels)
    if counts.min() <= shots:
        sys.exit(
            f"image_classification.py: {folder} has a class of "
            f"{counts.min()} images; take fewer --shots than that."
        )
    rows = np.random.default_rng(0).permutation(len(everything.train.paths))
    labels = everything.train.labels[rows]
    is_shown = np.zeros(len(rows), dtype=bool)
    for label in range(len(counts)):
        is_shown[np.flatnonzero(labels == label)[:shots]] = True
    paths = everything.train.paths[rows]
    images = kt.data.ImageFolder(
        (paths[is_shown], labels[is_shown]),
        (paths[~is_shown], labels[~is_shown]),
        size,
        everything.class_names,
    )
    return (
        images,
        images.batches("train", batch_size, shuffle=True, seed=0),
        images.batches("validation", 100).cache(),
    )


def features_of(backbone, size):
    """From pixels 0..255 to features."""
    inputs = keras.Input((*size, 3), name="image")
    return keras.Model(inputs, backbone(backbone.preprocessing(inputs)))


def forget(backbone):
    """Gives a backbone the weights of a network that has learnt nothing."""
    kernel = keras.initializers.GlorotUniform(seed=0)
    for variable in backbone.variables:
        if len(variable.shape) > 1:
            variable.assign(kernel(variable.shape, variable.dtype))
        else:
            is_scale = any(
                name in variable.path for name in ("gamma", "variance")
            )
            variable.assign(keras.ops.full(variable.shape, float(is_scale)))


def from_pretrained(name, images, train, others, epochs):
    """The head first, then everything; the model and its two histories."""
    backbone = kt.zoo.load(name, trainable=True)
    model = features_of(backbone, images.size)
    num_classes = len(images.class_names)
    histories = {}
    for strategy, title, rate in (
        ("head", "head only", 1e-2),
        ("full", "then all", 1e-3),
    ):
        model, callbacks = kt.finetune.prepare(
            model, num_classes, strategy, rate
        )
        num_classes = None  # the head stays
        histories[title] = model.fit(
            train,
            epochs=epochs,
            validation_data=others,
            callbacks=callbacks,
            shuffle=False,
            verbose=2,
        )
    return model, histories


def from_scratch(name, images, train, others, epochs):
    """The same network, all new; its history."""
    backbone = kt.zoo.load(name, trainable=True)
    forget(backbone)
    head = keras.layers.Dense(len(images.class_names))
    model = keras.Sequential([features_of(backbone, images.size), head])
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(
        train,
        epochs=epochs,
        validation_data=others,
        shuffle=False,
        verbose=2,
    )


def print_table(histories):
    print(f"\n{'':14}{'epochs':>8}{'accuracy':>10}{'in training':>13}")
    for title, history in histories.items():
        shown, others = (
            100 * history.history[key][-1]
            for key in ("accuracy", "val_accuracy")
        )
        print(
            f"{title:14}{len(history.epoch):8d}{others:8.1f} %{shown:11.1f} %"
        )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", help="folder of class folders")
    parser.add_argument("--data", help=f"folder of {FILE}, without --images")
    parser.add_argument("--backbone", default="omniglot_conv4")
    parser.add_argument("--shots", type=int, default=10, help="of each class")
    parser.add_argument("--epochs", type=int, default=30, help="of each stage")
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args(arguments)
    if not arguments.images and not arguments.data:
        parser.error("give --images, or --data with the digits")
    keras.utils.set_random_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as folder:
        data = load_images(
            arguments.images or digits_folder(arguments.data, folder),
            kt.zoo.load(arguments.backbone),
            arguments.shots,
            arguments.batch_size,
        )
        model, histories = from_pretrained(
            arguments.backbone, *data, arguments.epochs
        )
        histories["from scratch"] = from_scratch(
            arguments.backbone, *data, 2 * arguments.epochs
        )
    print_table(histories)
    figure = kt.explain.learning_curves(histories)
    figure.savefig(arguments.out / "curves.png", dpi=110)
    model.save(arguments.out / "model.keras")
    print(f"\nSaved model.keras and curves.png in {arguments.out}")


if __name__ == "__main__":
    main()
