"""A folder as `quickstart` leaves it, made in a second or two."""

import json

import keras
import numpy as np

import keras_transfer as kt
from keras_transfer.export import model_card

CLASSES = 3
NAMES = ("one & two", "$2", "<b>three</b>")


def arrays(rows=30, shift=0, seed=0):
    """Images 8 x 8 whose brightness is their class, and labels."""
    labels = np.arange(rows) % CLASSES
    noise = np.random.default_rng(seed).integers(0, 40, (rows, 8, 8, 1))
    images = noise + 60 * labels[:, None, None, None] + shift
    return images.astype("uint8"), labels


def model():
    """A small convolutional classifier."""
    inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(6, activation="relu", name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, name="logits")(x))


def write(root, methods=("source_only", "dann"), epochs=2):
    """Writes run folders, `results.json` and a model card; returns the root."""
    source, target = arrays(), arrays(shift=20, seed=1)
    pairs = kt.data.pair_domains(source, target[0], batch_size=10, seed=0)
    for method in methods:
        keras.utils.set_random_seed(0)
        term = None if method == "source_only" else method
        trainer = kt.DomainAdaptation(model(), term, features="features")
        trainer.compile(
            keras.optimizers.Adam(0.01),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        log = kt.callbacks.RunLog(
            root / "runs" / method,
            {"method": method},
            data="squares <script>alert(1)</script>",
            seed=0,
        )
        trainer.fit(pairs, epochs=epochs, verbose=0, callbacks=[log])
        gap = kt.transferability.NegativeTransferGap(
            -0.1, (-0.2, 0.0), 0.2, 0.3, 30
        )
        log.record(score=0.25, negative_transfer_gap=gap)
        kt.explain.record_evidence(
            log.folder,
            trainer,
            source,
            target,
            features="features",
            class_names=NAMES,
            images=2,
        )
    results = {"chosen": methods[-1], "chosen_by": "information_minus_risk"}
    (root / "results.json").write_text(json.dumps(results))
    card(root / "served" / "digits" / "1", "first")
    card(root / "served" / "digits" / "2", "second")
    return root


def card(version, name):
    """Writes the card of an exported model, as `export.save` does."""
    path = version / model_card.CARD
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        "model": name,
        "parameters": 12345,
        "signatures": {
            "predict": {"image": {"shape": [None, 8, 8, 1], "dtype": "float32"}}
        },
        "verification": {
            "largest_difference": 1e-7,
            "checks": [{"name": "loads", "status": "pass", "text": ""}],
        },
    }
    path.write_text(json.dumps(contents))
