"""What a step of `DomainAdaptation.fit` costs beside the same step by hand.

    python benchmarks/step_overhead.py --out F.json

DANN with shared batch norm, 64 + 64 rows, on LeNet and on a tiny dense model.
Four ways to do the same mathematics on the same batches, alternating in one
process after a warm-up, all without XLA:

- `keras_transfer`: `DomainAdaptation.fit`;
- `own_train_step`: a `keras.Model` with a `train_step` written by hand, one
  concatenated pass, the same optimizer and metrics, run by `fit`;
- `raw_loop`: a bare `tf.function` in a Python loop, without `fit`;
- `adapt`: DANN and DeepCORAL of adapt 0.4.5, where that is installed. It does
  more passes and fewer metrics: an orientation, not the same step.

Ratios of wall time and of CPU time. Run it on a quiet machine.
"""

import argparse
import functools
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.cli import output

ROWS = 64
STEPS = 50
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def tiny_model():
    """Encoder and head of a dense model on 20 numbers."""
    inputs = keras.Input((20,))
    features = keras.layers.Dense(32, activation="relu")(inputs)
    return inputs, features


def lenet():
    """Encoder and head of a LeNet on 28x28x1."""
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for filters in (32, 48):
        x = keras.layers.Conv2D(filters, 5, activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    return inputs, keras.layers.Dense(100, activation="relu")(x)


MODELS = {"tiny_dense": tiny_model, "lenet": lenet}


def discriminator():
    return keras.Sequential(
        [
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(1),
        ]
    )


def optimizer():
    return keras.optimizers.SGD(0.01, momentum=0.9)


class HandWrittenDann(keras.Model):
    """DANN as one would write it into one's own `train_step`."""

    def __init__(self, build, total_steps):
        super().__init__()
        inputs, features = build()
        self.encoder = keras.Model(inputs, features)
        self.head = keras.layers.Dense(10)
        self.head.build(features.shape)
        self.discriminator = discriminator()
        self.discriminator.build(features.shape)
        self.total_steps = total_steps
        self.step = self.add_weight(
            name="step", dtype="int32", initializer="zeros", trainable=False
        )
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.domain_loss_mean = keras.metrics.Mean(name="domain_loss")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy()
        self.domain_accuracy = keras.metrics.Mean(name="domain_accuracy")
        self.built = True

    @property
    def metrics(self):
        return [
            self.loss_mean,
            self.domain_loss_mean,
            self.accuracy,
            self.domain_accuracy,
        ]

    def call(self, inputs, training=None):
        return self.head(self.encoder(inputs, training=training))

    def train_step(self, data):
        x, labels = data
        rows = tf.shape(x["source"])[0]
        share = tf.cast(self.step.value, "float32") / self.total_steps
        strength = 2.0 / (1.0 + tf.exp(-10.0 * share)) - 1.0
        with tf.GradientTape() as tape:
            both = tf.concat([x["source"], x["target"]], axis=0)
            features = self.encoder(both, training=True)
            logits = self.head(features)[:rows]
            task = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
            fixed = tf.stop_gradient(features)
            domain = self.discriminator(fixed - strength * (features - fixed))
            source_domain, target_domain = domain[:rows, 0], domain[rows:, 0]
            domain_loss = tf.reduce_mean(tf.nn.softplus(source_domain))
            domain_loss += tf.reduce_mean(tf.nn.softplus(-target_domain))
            loss = task + domain_loss
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        self.step.assign_add(1)
        self.loss_mean.update_state(loss)
        self.domain_loss_mean.update_state(domain_loss)
        self.accuracy.update_state(labels, logits)
        self.domain_accuracy.update_state(
            0.5 * tf.reduce_mean(tf.cast(source_domain < 0, "float32"))
            + 0.5 * tf.reduce_mean(tf.cast(target_domain > 0, "float32"))
        )
        return {metric.name: metric.result() for metric in self.metrics}


def ours(build, pairs):
    """A function that runs one epoch of `DomainAdaptation.fit`."""
    inputs, features = build()
    model = keras.Model(inputs, keras.layers.Dense(10)(features))
    trainer = kt.DomainAdaptation(
        model,
        kt.alignment.DomainAdversarial(
            discriminator=kt.layers.DomainDiscriminator(units=(100,))
        ),
    )
    trainer.compile(optimizer(), LOSS, metrics=["accuracy"], jit_compile=False)
    return lambda: trainer.fit(pairs, verbose=0)


def own_train_step(build, pairs):
    """A function that runs one epoch of the hand-written model's `fit`."""
    model = HandWrittenDann(build, STEPS)
    model.compile(optimizer(), jit_compile=False)
    return lambda: model.fit(pairs, verbose=0, shuffle=False)


def raw_loop(build, pairs):
    """A function that runs one epoch without `fit`."""
    model = HandWrittenDann(build, STEPS)
    model.optimizer = optimizer()
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step)

    def epoch():
        for data in pairs:
            step(data)

    return epoch


def peers(build, arrays):
    """Functions that run one epoch of adapt's models, if it is installed."""
    if importlib.util.find_spec("adapt") is None:
        return {}
    from adapt import feature_based

    (xs, ys), xt = arrays
    one_hot = np.eye(10, dtype="float32")[ys]

    def runner(name):
        inputs, features = build()
        encoder = keras.Model(inputs, features)
        head = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
        extra = {}
        if name == "DANN":
            extra["discriminator"] = keras.Sequential(
                [
                    keras.layers.Dense(100, activation="relu"),
                    keras.layers.Dense(1, activation="sigmoid"),
                ]
            )
        model = getattr(feature_based, name)(
            encoder,
            head,
            Xt=xt,
            loss="categorical_crossentropy",
            optimizer=optimizer(),
            verbose=0,
            **extra,
        )
        return lambda: model.fit(xs, one_hot, epochs=1, batch_size=ROWS)

    return {f"adapt_{name}": runner(name) for name in ("DANN", "DeepCORAL")}


def measure(make_runners, rebuilds, rounds):
    """Wall and CPU milliseconds per step of each way.

    TensorFlow runs some compiled functions on both cores and others, of the
    same graph, on one, for as long as they live. So everything is built anew
    several times; of the medians the lowest counts.
    """
    medians = {}
    for _ in range(rebuilds):
        runners = make_runners()
        for run in runners.values():
            run()
        seconds = {name: {"wall": [], "cpu": []} for name in runners}
        for _ in range(rounds):
            for name, run in runners.items():
                wall, cpu = time.perf_counter(), time.process_time()
                run()
                seconds[name]["wall"].append(time.perf_counter() - wall)
                seconds[name]["cpu"].append(time.process_time() - cpu)
        for name, kinds in seconds.items():
            for kind, values in kinds.items():
                medians.setdefault(name, {}).setdefault(kind, []).append(
                    1000 * float(np.median(values)) / STEPS
                )
    return {
        name: {kind: round(min(values), 3) for kind, values in kinds.items()}
        for name, kinds in medians.items()
    }


def make_runners(build, arrays):
    """All ways to run an epoch, newly built."""
    pairs = kt.data.pair_domains(*arrays, batch_size=ROWS, seed=0)
    return {
        "keras_transfer": ours(build, pairs),
        "own_train_step": own_train_step(build, pairs),
        "raw_loop": raw_loop(build, pairs),
        **peers(build, arrays),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rebuilds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    results = {}
    for name, build in MODELS.items():
        shape = build()[0].shape[1:]
        xs, xt = rng.normal(size=(2, STEPS * ROWS, *shape)).astype("float32")
        arrays = (xs, rng.integers(0, 10, len(xs)).astype("int32")), xt
        times = measure(
            functools.partial(make_runners, build, arrays),
            arguments.rebuilds,
            arguments.rounds,
        )
        own = times["own_train_step"]
        results[name] = {
            "milliseconds_per_step": times,
            "ratio_to_own_train_step": {
                runner: {
                    kind: round(value / own[kind], 3)
                    for kind, value in kinds.items()
                }
                for runner, kinds in times.items()
            },
        }
        for runner, kinds in times.items():
            ratio = results[name]["ratio_to_own_train_step"][runner]
            print(
                f"{name:11s} {runner:16s} wall {kinds['wall']:8.3f} ms "
                f"({ratio['wall']:.2f})   cpu {kinds['cpu']:8.3f} ms "
                f"({ratio['cpu']:.2f})",
                flush=True,
            )
    if arguments.out:
        packages = ("tensorflow", "keras", "numpy", "keras-transfer")
        contents = {
            "date": time.strftime("%Y-%m-%d"),
            "command": "python benchmarks/step_overhead.py "
            + " ".join(sys.argv[1:]),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in packages},
            },
            "rows": f"{ROWS} + {ROWS}",
            "rebuilds": arguments.rebuilds,
            "rounds": arguments.rounds,
            "steps_per_round": STEPS,
            "results": results,
        }
        output.write_json(arguments.out, contents)


if __name__ == "__main__":
    main()
