"""Few-shot learning of characters: Omniglot, one method, one or more seeds.

    python benchmarks/omniglot.py --data ../shared/data \
        --method prototypical --ways 5 --shots 1 --seeds 1 --out F.json

Protocol: binary images (28, 28, 1); each character turned by 90, 180 and 270
degrees is a further class, in training and test. By default the 792 characters
of the training part of Vinyals et al., 2016, that `omniglot_background.npz`
holds train, and the 172 of its validation part measure, 688 classes with their
turns; the alphabets of both are disjoint. `--test-file` and `--classes` name
others. 1000 episodes with 15 queries per class, the same for all methods;
mean and 95 % interval. The accuracy is that of the last weights: no training
is stopped, chosen or tuned by the classes that measure. Choices were made on
alphabets held out of the 792 (`--hold-out 120`).

Every training has a folder in `--work`; it is saved there every 100 steps and
goes on after a break. A training that is there is not repeated: `--ways 20`
after `--ways 5` only measures, where training does not depend on the ways of
the test. Results that `--out` holds are not repeated either.
"""

import argparse
import json
import os
import pathlib
import sys
import time
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np
import omniglot_data
import omniglot_methods
import tensorflow as tf

import keras_transfer as kt

NUM_EPISODES = 1000
TRAIN_CLASSES = f"{omniglot_data.SPLITS}:train"


def arguments_of(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--train-files", type=pathlib.Path, nargs="+")
    parser.add_argument("--train-classes", default=TRAIN_CLASSES)
    parser.add_argument("--test-file", type=pathlib.Path)
    parser.add_argument("--classes", help="FILE.json:KEY, those that measure")
    parser.add_argument(
        "--method", choices=sorted(omniglot_methods.METHODS), required=True
    )
    parser.add_argument("--ways", type=int, nargs="+", default=[5])
    parser.add_argument("--shots", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the method's")
    parser.add_argument(
        "--hold-out",
        type=int,
        default=0,
        metavar="N",
        help="measure on whole alphabets with N training characters instead",
    )
    parser.add_argument("--threads", type=int, help="of TensorFlow")
    parser.add_argument("--work", type=pathlib.Path, help="folder of weights")
    parser.add_argument(
        "--backbone",
        type=pathlib.Path,
        metavar="FOLDER",
        help="where the encoder of the first seed goes, as a zoo entry of the "
        "folder's name",
    )
    parser.add_argument("--out", type=pathlib.Path, required=True)
    return parser.parse_args(argv)


def load(arguments):
    """`((images, labels), (images, labels))`, of training and of the test."""
    folder = arguments.data
    background = folder / omniglot_data.FILE
    train_names = omniglot_data.names_of(arguments.train_classes, folder)
    classes = arguments.classes
    if classes is None and arguments.test_file is None:
        classes = f"{omniglot_data.SPLITS}:val"
    names = None
    if classes is not None:
        names = omniglot_data.names_of(classes, folder)
    train = omniglot_data.load(
        arguments.train_files or [background], train_names
    )
    if arguments.hold_out:
        return held_out(*train, arguments.hold_out)
    test = omniglot_data.load([arguments.test_file or background], names)
    both = set(train[1]) & set(test[1])
    if both:
        sys.exit(f"omniglot.py: {min(both)} would train and measure")
    return train, test


def held_out(images, labels, number):
    """Whole alphabets of the training characters, to choose by."""
    alphabets = np.array([label.split("/")[0] for label in labels])
    measured = np.zeros(len(labels), dtype=bool)
    for name in np.random.default_rng(0).permutation(np.unique(alphabets)):
        if len(np.unique(labels[measured])) < number:
            measured |= alphabets == name
    return (
        (images[~measured], labels[~measured]),
        (images[measured], labels[measured]),
    )


def train(arguments, data, ways, seed):
    """The trained method, and what its training was like."""
    method = omniglot_methods.METHODS[arguments.method]
    shots = arguments.shots
    steps = arguments.steps or method.steps
    keras.utils.set_random_seed(seed)
    trainer = method.create(ways, shots, steps)
    settings = {
        "ways": method.ways or ways,
        "shots": method.shots or shots,
        "queries": method.queries,
        "tasks": method.tasks,
    }
    name = "-".join(
        [arguments.method, *(f"{k}{v}" for k, v in settings.items())]
        + [f"steps{steps}", f"seed{seed}"]
        + ([f"without{arguments.hold_out}"] if arguments.hold_out else [])
    )
    if trained_on(arguments):
        name += f"-on{zlib.crc32(repr(trained_on(arguments)).encode()):08x}"
    folder = (arguments.work or arguments.out.with_suffix(".work")) / name
    curve = Curve(folder / "curve.json", name)
    finished = folder / "trained.npz"
    if finished.exists():
        with np.load(finished) as weights:
            trainer.set_weights([weights[name] for name in weights.files])
    else:
        run_stages(trainer, method, settings, data, steps, seed, curve)
        # Under another name first: a torn file would count as a training.
        partial = finished.with_suffix(".partial.npz")
        np.savez(partial, *trainer.get_weights())
        partial.replace(finished)
    return trainer, {
        **settings,
        "seconds": round(sum(point["seconds"] for point in curve.points)),
        "curve": thinned(curve.points),
    }


def trained_on(arguments):
    """What trains where it is not the default, as names; else `None`."""
    files = arguments.train_files
    if files is None and arguments.train_classes == TRAIN_CLASSES:
        return None
    return [path.name for path in files or ()], arguments.train_classes


def run_stages(trainer, method, settings, data, steps, seed, curve):
    """Trains, or goes on with a training."""
    stages = ((steps, {}),) if steps != method.steps else method.stages
    folder, first = curve.path.parent, 0
    for number, (length, changes) in enumerate(stages or ((steps, {}),)):
        last = first + -(-length // method.epoch)
        done = folder / f"stage_{number}.weights.h5"
        if done.exists():
            trainer.optimizer.build(trainer.trainable_variables)
            trainer.load_weights(done)
        else:
            trainer.fit(
                episodes_of(
                    method,
                    data,
                    **{**settings, **changes},
                    seed=seed,
                    steps_per_epoch=method.epoch,
                    example_map=method.example_map,
                ),
                initial_epoch=first,
                epochs=last,
                verbose=0,
                callbacks=[
                    keras.callbacks.BackupAndRestore(folder / "backup"),
                    curve,
                ],
            )
            if stages and number + 1 < len(stages):
                trainer.save_weights(done)
        first = last


def episodes_of(method, data, **settings):
    """Episodes of images, or of their features, turns as classes."""
    images, labels = data
    if method.features is None:
        return kt.data.episodes(images, labels, rotations=True, **settings)
    turns = [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    features = [method.features(omniglot_data.ink(turn)) for turn in turns]
    names = [np.char.add(labels, f" turned {k}") for k in range(4)]
    return kt.data.episodes(
        np.concatenate(features), np.concatenate(names), **settings
    )


class Curve(keras.callbacks.Callback):
    """Keeps the course of a training in a file, across breaks."""

    def __init__(self, path, name):
        super().__init__()
        self.path, self.name = path, name
        self.points = json.loads(path.read_text()) if path.exists() else []

    def on_epoch_begin(self, epoch, logs=None):
        self.points = self.points[:epoch]
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        point = {k: round(float(v), 4) for k, v in (logs or {}).items()}
        point["seconds"] = round(time.perf_counter() - self._began, 1)
        self.points.append(point)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.points))
        print(f"{self.name}, epoch {epoch + 1}: {point}", flush=True)


def thinned(points, number=20):
    """Every so many points of a curve, the last among them."""
    stride = max(1, len(points) // number)
    return [
        {"epoch": epoch + 1, **points[epoch]}
        for epoch in range(len(points))
        if (len(points) - 1 - epoch) % stride == 0
    ]


def measure(arguments, trainer, data, ways):
    """Scores on the classes that measure, in per cent."""
    method = omniglot_methods.METHODS[arguments.method]
    episodes = episodes_of(
        method,
        data,
        ways=ways,
        shots=arguments.shots,
        queries=method.test_queries,
        tasks=method.test_tasks,
        seed=0,
        fixed=True,
        steps_per_epoch=-(-NUM_EPISODES // method.test_tasks),
        example_map=None if method.features else omniglot_data.ink,
    )
    scores = method.scores(trainer, episodes, NUM_EPISODES)
    return {
        name: [round(100 * score.mean, 2), round(100 * score.interval, 2)]
        for name, score in scores.items()
    }


def main():
    arguments = arguments_of()
    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    train_data, test_data = load(arguments)
    method = omniglot_methods.METHODS[arguments.method]
    test = {
        "file": (arguments.test_file or pathlib.Path(omniglot_data.FILE)).name,
        "classes": 4 * len(set(test_data[1])),
        "episodes": NUM_EPISODES,
        "queries": method.test_queries,
        "hold_out": arguments.hold_out,
    }
    if arguments.classes:
        test["names"] = arguments.classes
    course = {"steps": arguments.steps or method.steps}
    if trained_on(arguments):
        course["trained_on"] = list(trained_on(arguments))
    records = digits.earlier_runs(arguments.out)
    for seed in range(
        arguments.first_seed, arguments.first_seed + arguments.seeds
    ):
        for ways in arguments.ways:
            key = {
                "method": arguments.method,
                "test_ways": ways,
                "test_shots": arguments.shots,
                "seed": seed,
                "test": test,
            }
            if any(
                key.items() <= record.items()
                and course.items() <= record["train"].items()
                for record in records
            ):
                continue
            trainer, result = train(arguments, train_data, ways, seed)
            if arguments.backbone and not arguments.backbone.exists():
                card = kt.zoo.find_card(arguments.backbone.name)
                kt.zoo.save(trainer.encoder, arguments.backbone, card)
            began = time.perf_counter()
            accuracy = measure(arguments, trainer, test_data, ways)
            record = {
                **key,
                "accuracy": accuracy,
                "test_seconds": round(time.perf_counter() - began),
                "train": {
                    "classes": 4 * len(set(train_data[1])),
                    "threads": arguments.threads,
                    "parameters": trainer.count_params(),
                    **course,
                    **result,
                },
            }
            # Read again: another process may have added its own.
            records = [*digits.earlier_runs(arguments.out), record]
            digits.write(arguments.out, records)
    for record in records:
        print(
            f"{record['method']:14s} {record['test_ways']}-way "
            f"{record['test_shots']}-shot seed {record['seed']} "
            f"{record['accuracy']}"
        )


if __name__ == "__main__":
    main()
