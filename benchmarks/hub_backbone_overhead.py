"""What `zoo.HubBackbone` costs beside the same SavedModel called by hand.

    python benchmarks/hub_backbone_overhead.py --out F.json

A MobileNet V2 (width 0.35, 96x96, 16 rows) and a small convolutional net
(32x32, 32 rows), both saved by `zoo.save`, each with a dense layer on top,
fine-tuned whole by SGD with momentum, all without XLA. The same mathematics on
the same batches in four ways:

- `raw_loop`: `tf.saved_model.load`, a gradient tape and an optimizer of two
  lines in one `tf.function`, in a Python loop;
- `hub_loop`: the same loop around the layer;
- `raw_fit`: the raw SavedModel in a hand-written `train_step` with Keras'
  dense layer, loss and optimizer, run by `fit`;
- `hub_fit`: the layer in a Functional model and `fit`, as a user has it.

So `hub_loop / raw_loop` and `hub_fit / raw_fit` tell what the layer costs, and
`hub_fit / raw_loop` what the layer and Keras cost together. Measured, in wall
and in CPU time:

- first batch: loading, building and the first training step, each time in a
  new process, after the imports;
- step: further steps, over several builds, since TensorFlow runs some compiled
  functions on one core and others on two for as long as they live;
- predict: one batch from NumPy to NumPy.

The ways alternate, and the median of the ratios within the rounds counts. Run
it on a quiet machine.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.cli import output

CLASSES = 5
RATE, MOMENTUM = 0.01, 0.9
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def mobilenet():
    """A MobileNet V2, the backbone that most people begin with."""
    return keras.applications.MobileNetV2(
        (96, 96, 3), alpha=0.35, weights=None, include_top=False, pooling="avg"
    )


def small_convolutional():
    """Three convolutions with batch norm: little work to hide behind."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters in (32, 64, 128):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


class Setting(NamedTuple):
    """A backbone, and how many steps are measured at a time."""

    make: Callable
    pixels: int
    rows: int
    features: int
    steps: int  # `fit` waits some 50 ms in every epoch: small steps need many


MODELS = {
    "mobilenet_v2_035_96": Setting(mobilenet, 96, 16, 1280, 20),
    "small_convolutional": Setting(small_convolutional, 32, 32, 128, 100),
}


# === The three ways


class Net:
    """A backbone and a dense layer on it, as plain functions and variables."""

    def __init__(self, backbone, trained, width):
        self.backbone = backbone
        kernel = tf.random.stateless_uniform(
            (width, CLASSES), (0, 0), -0.1, 0.1
        )
        self.kernel = tf.Variable(kernel)
        self.bias = tf.Variable(tf.zeros([CLASSES]))
        self.trained = [*trained, self.kernel, self.bias]

    def __call__(self, images, training):
        features = self.backbone(images, training=training)
        return features @ self.kernel + self.bias


def raw_net(folder, width):
    root = tf.saved_model.load(folder)
    return Net(root, root.trainable_variables, width)


def hub_net(folder, width):
    backbone = kt.zoo.HubBackbone(folder, trainable=True)
    trained = [v.value for v in backbone.trainable_variables]
    return Net(backbone, trained, width)


class Loop:
    """What TensorFlow itself needs, without Keras."""

    def __init__(self, net):
        slots = [tf.Variable(tf.zeros_like(v)) for v in net.trained]
        self._total, self._count = tf.Variable(0.0), tf.Variable(0.0)

        @tf.function
        def step(images, labels):
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels, net(images, training=True)
                )
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, net.trained)
            for variable, slot, gradient in zip(
                net.trained, slots, gradients, strict=True
            ):
                slot.assign(MOMENTUM * slot - RATE * gradient)
                variable.assign_add(slot)
            self._total.assign_add(loss)  # the mean that `fit` logs
            self._count.assign_add(1.0)

        self._step = step
        self._predict = tf.function(lambda images: net(images, training=False))

    def train(self, data):
        self._total.assign(0.0)
        self._count.assign(0.0)
        for images, labels in data:
            self._step(images, labels)
        return float(self._total / self._count)  # waits for the last step

    def predict(self, images):
        return self._predict(tf.convert_to_tensor(images)).numpy()


class Fit:
    """A Keras model under `fit`."""

    def __init__(self, model):
        optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
        model.compile(optimizer, LOSS, jit_compile=False)
        self._model = model

    def train(self, data):
        self._model.fit(data, verbose=0, shuffle=False)

    def predict(self, images):
        return self._model.predict_on_batch(images)


class HandWritten(keras.Model):
    """The raw SavedModel in a `train_step` of one's own."""

    def __init__(self, folder, width):
        super().__init__()
        self.root = tf.saved_model.load(folder)
        self.head = keras.layers.Dense(CLASSES)
        self.head.build((None, width))
        self.trained = [
            *self.root.trainable_variables,
            *(v.value for v in self.head.trainable_variables),
        ]
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.built = True

    @property
    def metrics(self):
        return [self.loss_mean]

    def call(self, images, training=False):
        return self.head(self.root(images, training=training))

    def train_step(self, data):
        images, labels = data
        with tf.GradientTape() as tape:
            loss = LOSS(labels, self(images, training=True))
        gradients = tape.gradient(loss, self.trained)
        self.optimizer.apply(gradients, self.trained)
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}


def functional(folder):
    """The layer as a user of this package writes it."""
    backbone = kt.zoo.HubBackbone(folder, trainable=True)
    inputs = keras.Input(backbone.card.input_shape)
    outputs = keras.layers.Dense(CLASSES)(backbone(inputs))
    return keras.Model(inputs, outputs)


WAYS = {
    "raw_loop": lambda folder, width: Loop(raw_net(folder, width)),
    "hub_loop": lambda folder, width: Loop(hub_net(folder, width)),
    "raw_fit": lambda folder, width: Fit(HandWritten(folder, width)),
    "hub_fit": lambda folder, _: Fit(functional(folder)),
}
#: What is compared with what; the bar is for the first two.
RATIOS = (
    ("hub_loop", "raw_loop"),
    ("hub_fit", "raw_fit"),
    ("hub_fit", "raw_loop"),
)


# === Measuring


class Watch:
    """Seconds of the wall and of the processors since it was made."""

    def __init__(self):
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self, steps=1):
        return {
            "wall": (time.perf_counter() - self._wall) / steps,
            "cpu": (time.process_time() - self._cpu) / steps,
        }


def batches(name, steps):
    """A dataset of batches that are in memory already."""
    _, pixels, rows, *_ = MODELS[name]
    rng = np.random.default_rng(0)
    shape = (steps * rows, pixels, pixels, 3)
    images = rng.uniform(size=shape).astype("float32")
    labels = rng.integers(0, CLASSES, len(images)).astype("int32")
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(rows)


def first_batch_here(name, way, folder):
    """Seconds to the end of the first step; the process must be new."""
    data = batches(name, 1)
    next(iter(data))  # TensorFlow's own start is nobody's overhead
    watch = Watch()
    WAYS[way](folder, MODELS[name].features).train(data)
    return watch.read()


def first_batch(name, folder, processes):
    """Rounds of `{way: seconds}`, each from a new process."""

    def measured(way):
        command = [sys.executable, __file__, "--child", name, way, folder]
        return json.loads(subprocess.check_output(command, text=True))

    return [
        {way: measured(way) for way in _in_turn(number)}
        for number in range(processes)
    ]


def further_steps(name, folder, builds, rounds):
    """Rounds of `{way: seconds}` for a step and for a prediction."""
    count = MODELS[name].steps
    data = batches(name, count)
    images = next(iter(data))[0].numpy()
    steps, predictions = [], []
    for _ in range(builds):
        runners = {
            way: make(folder, MODELS[name].features)
            for way, make in WAYS.items()
        }
        for runner in runners.values():
            runner.train(data)
            runner.predict(images)
        for number in range(rounds):
            steps.append({})
            predictions.append({})
            for way in _in_turn(number):
                watch = Watch()
                runners[way].train(data)
                steps[-1][way] = watch.read(count)
                watch = Watch()
                for _ in range(count):
                    runners[way].predict(images)
                predictions[-1][way] = watch.read(count)
    return {"step": steps, "predict": predictions}


def summary(rounds):
    """Median milliseconds of each way, and median ratios of the pairs."""

    def median(value):
        return {
            kind: round(float(np.median([value(r, kind) for r in rounds])), 3)
            for kind in ("wall", "cpu")
        }

    return {
        "milliseconds": {
            way: median(lambda r, kind, way=way: 1000 * r[way][kind])
            for way in WAYS
        },
        "ratio": {
            f"{ours} / {theirs}": median(
                lambda r, kind, a=ours, b=theirs: r[a][kind] / r[b][kind]
            )
            for ours, theirs in RATIOS
        },
    }


def _in_turn(number):
    """The ways, another one first each time."""
    ways = list(WAYS)
    start = number % len(ways)
    return ways[start:] + ways[:start]


def measure(name, arguments):
    """All that is measured of one model, printed as well."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, name)
        card = {"preprocessing": {"value_range": (0, 1)}}
        kt.zoo.save(MODELS[name].make(), folder, card)
        keras.utils.clear_session()
        rounds = {
            "first_batch": first_batch(name, folder, arguments.processes),
            **further_steps(name, folder, arguments.builds, arguments.rounds),
        }
    results = {what: summary(values) for what, values in rounds.items()}
    for what, found in results.items():
        for unit, values in found.items():
            for which, kinds in values.items():
                print(
                    f"{name:20s} {what:12s} {unit:12s} {which:19s} "
                    f"wall {kinds['wall']:9.3f}   cpu {kinds['cpu']:9.3f}",
                    flush=True,
                )
    return results


def write(path, arguments, results):
    """Writes the record, whole or not at all."""
    packages = ("tensorflow", "keras", "numpy", "keras-transfer")
    contents = {
        "date": time.strftime("%Y-%m-%d"),
        "command": " ".join(["python", *sys.argv]),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
        "processors": len(os.sched_getaffinity(0)),
        "processes": arguments.processes,
        "builds": arguments.builds,
        "rounds": arguments.rounds,
        "steps_per_round": {n: s.steps for n, s in MODELS.items()},
        "bar": "hub_loop / raw_loop and hub_fit / raw_fit, wall time, first "
        "batch and step: at most 1.05",
        "results": results,
    }
    output.write_json(path, contents)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--builds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    # A new process of its own, for the first batch.
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(first_batch_here(*arguments.child)))
        return
    results = {name: measure(name, arguments) for name in arguments.models}
    if arguments.out:
        write(arguments.out, arguments, results)


if __name__ == "__main__":
    main()
