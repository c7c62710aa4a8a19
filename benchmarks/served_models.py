"""Models of every kind, exported and read back by three loaders.

    python benchmarks/served_models.py --out F.json

Six models, each trained for some steps: a convolutional net, a TF-Hub backbone
(`omniglot_conv4`) under a dense layer, a text model with a vocabulary, a model
with a dict of inputs, the result of `DomainAdaptation`, and an encoder with a
`PrototypeHead`. Each is exported with all signatures that it can have; the
largest difference to the model in memory is measured through graph and session,
through the C API, and through `export/check/load.cc`. At most 1e-5 passes.
Linux with a C++ compiler.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np

import keras_transfer as kt

AT_MOST = 1e-5
ROOT = pathlib.Path(__file__).resolve().parent.parent
IMAGES = ("predict", "image_bytes", "features", "classify")
NAMES = ["no", "yes", "maybe"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    runs = []
    for make in MODELS:
        keras.utils.set_random_seed(0)
        model, settings = make()
        runs.append({"model": make.__name__, **measure(model, settings)})
        print(json.dumps(runs[-1]))
    if arguments.out:
        digits.write(arguments.out, runs, at_most=AT_MOST)
    sys.exit(0 if all(run["met"] for run in runs) else 1)


def measure(model, settings):
    """Exports a model and reads it by every loader."""
    with tempfile.TemporaryDirectory() as folder:
        report = kt.export.save(model, pathlib.Path(folder, "m"), **settings)
        verified = kt.export.verify(report)
        largest = {
            "graph_session and c_api, at export": report.largest_difference,
            "graph_session and c_api, again": verified.largest_difference,
            "load.cc": by_load_cc(report.path),
        }
    return {
        "signatures": settings["signatures"],
        "largest_difference": largest,
        "checks": len(report.checks) + len(verified.checks),
        "met": bool(
            report.passed
            and verified.passed
            and max(largest.values()) <= AT_MOST
        ),
    }


def by_load_cc(version):
    """Largest difference that the C++ program finds; infinite if it fails."""
    result = subprocess.run(
        [sys.executable, str(ROOT / "export/check/check.py"), str(version)],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        print(result.stdout, result.stderr, file=sys.stderr)
        return float("inf")
    found = re.findall(r"difference \S+ (\S+)", result.stdout)
    return max(map(float, found))


# === The models


def convolutional_net():
    """Images of 16 x 16, batch norm and dropout."""
    model = _net(keras.Input((16, 16, 3), name="image"))
    _fit(model, _images(16))
    return model, {"signatures": IMAGES, "class_names": NAMES}


def hub_backbone():
    """A SavedModel of the zoo, fine-tuned, with its preprocessing."""
    backbone = kt.zoo.load("omniglot_conv4", trainable=True)
    inputs = keras.Input((40, 30, 3), name="image")
    x = backbone(backbone.preprocessing(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    _fit(model, np.zeros((8, 40, 30, 3)) + _images(1))
    return model, {"signatures": IMAGES, "class_names": NAMES}


def text_with_vocabulary():
    """Strings, split and looked up in a table."""
    lookup = keras.layers.TextVectorization(
        vocabulary=["good", "bad", "film"], output_sequence_length=4
    )
    inputs = keras.Input((), dtype="string", name="text")
    x = keras.layers.Embedding(8, 6)(lookup(inputs))
    x = keras.layers.GlobalAveragePooling1D(name="mean")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    text = np.array(["good film", "bad", "a film", "good"] * 2)
    _fit(model, keras.ops.convert_to_tensor(text))
    settings = {"signatures": ("predict", "features", "classify")}
    return model, {**settings, "class_names": NAMES, "samples": text}


def dict_of_inputs():
    """Numbers and a category by name; one number out."""
    age = keras.Input((2,), name="age")
    place = keras.Input((1,), name="place", dtype="int32")
    code = keras.layers.Flatten()(keras.layers.Embedding(2, 3)(place))
    x = keras.layers.Concatenate(name="joined")([age, code])
    model = keras.Model(
        {"age": age, "place": place}, keras.layers.Dense(1, name="price")(x)
    )
    model.compile("adam", "mse")
    rows = {"age": np.ones((8, 2)), "place": np.arange(8)[:, None] % 2}
    model.fit(rows, np.arange(8.0), epochs=3, verbose=0)
    return model, {"signatures": ("predict", "features", "regress")}


def adapted():
    """What `DomainAdaptation` leaves: the plain model."""
    model = _net(keras.Input((16, 16, 3), name="image"))
    trainer = kt.DomainAdaptation(model, ["dann", "dan"], batch_norm="separate")
    trainer.compile("adam", _loss())
    source, target = _images(16), _images(16) * 0.5
    pairs = kt.data.pair_domains((source, np.arange(8) % 3), target, 4, seed=0)
    trainer.fit(pairs, epochs=3, verbose=0)
    return trainer.model, {"signatures": IMAGES, "class_names": NAMES}


def prototypes():
    """Fixed prototypes behind an encoder of the zoo."""
    backbone = kt.zoo.load("omniglot_conv4")
    head = kt.layers.PrototypeHead()
    images = kt.data.digits_on_photos(0).source
    rows = backbone(backbone.preprocessing(images[0][:60]))
    head.adapt(rows, images[1][:60] % 3)
    inputs = keras.Input((28, 28, 3), name="image")
    x = backbone(backbone.preprocessing(inputs))
    return keras.Model(inputs, head(x)), {
        "signatures": ("predict", "image_bytes", "classify"),
        "class_names": NAMES,
        "activation": "softmax",
    }


MODELS = (
    convolutional_net,
    hub_backbone,
    text_with_vocabulary,
    dict_of_inputs,
    adapted,
    prototypes,
)


def _net(inputs):
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def _images(size):
    generator = np.random.default_rng(size)
    return generator.uniform(0, 255, (8, size, size, 3)).astype("float32")


def _fit(model, x):
    model.compile("adam", _loss())
    model.fit(x, np.arange(8) % 3, epochs=3, verbose=0)


def _loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


if __name__ == "__main__":
    main()
