"""How many images per second `kt.data.episodes` draws.

    python benchmarks/episode_speed.py --data DIR --out F.json

`DIR` holds `omniglot_background.npz`. Batches of 32 episodes of 28x28 images in
uint8, 15 queries a class, drawn from a dataset that nothing else keeps busy.
Beside it:

- `numpy_indexing`: one indexing of the image array with as many row numbers,
  which are drawn before: no classes, no turns, a bound for what can be had;
- `numpy_episodes`: the same episodes drawn by a loop over tasks and classes
  with `numpy.random.Generator.choice` and `numpy.rot90`.

Images per second of wall time and per second of CPU time (all threads), the
median over rounds; padded rows count. Run it on a quiet machine.

`share_of_a_step`: CPU time of drawing a batch over that of drawing it and
training on it, for two methods of `omniglot.py` as they train there, without
what redraws the images.
"""

import argparse
import importlib.metadata
import os
import pathlib
import platform
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import omniglot_methods
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.cli import output

TASKS = 32
QUERIES = 15

#: Settings of each row, as `episodes` takes them.
SETTINGS = {
    "5-way 1-shot, rotations": {"ways": 5, "shots": 1, "rotations": True},
    "5-way 1-shot": {"ways": 5, "shots": 1, "rotations": False},
    "20-way 5-shot, rotations": {"ways": 20, "shots": 5, "rotations": True},
    "5 to 20 ways, 1 to 5 shots, rotations": {
        "ways": (5, 20),
        "shots": (1, 5),
        "rotations": True,
    },
}


def most(number):
    """The upper end of a number or a range."""
    return number[1] if isinstance(number, tuple) else number


def package(images, settings):
    """A function that draws one batch with the package."""
    dataset = kt.data.episodes(
        dict(enumerate(images)), queries=QUERIES, tasks=TASKS, **settings
    )
    batches = iter(dataset.repeat())
    return lambda: next(batches)


def numpy_indexing(images, settings):
    """A function that indexes the array once."""
    flat = images.reshape(-1, *images.shape[2:])
    number = most(settings["ways"]) * (most(settings["shots"]) + QUERIES)
    rows = np.random.default_rng(0).integers(0, len(flat), TASKS * number)
    return lambda: flat[rows]


def numpy_episodes(images, settings):
    """A function that draws one batch by a loop, or `None` for ranges."""
    ways, shots = settings["ways"], settings["shots"]
    turns = 4 if settings["rotations"] else 1
    if isinstance(ways, tuple):
        return None
    generator = np.random.default_rng(0)
    number = shots + QUERIES

    def batch():
        drawn = np.empty((TASKS, ways, number, *images.shape[2:]), images.dtype)
        for task in drawn:
            classes = generator.choice(len(images) * turns, ways, replace=False)
            for way, name in enumerate(classes):
                rows = generator.choice(images.shape[1], number, replace=False)
                chosen = images[name // turns][rows]
                task[way] = np.rot90(chosen, name % turns, axes=(1, 2))
        return drawn[:, :, :shots].copy(), drawn[:, :, shots:].copy()

    return batch


WAYS_TO_DRAW = {
    "keras_transfer": package,
    "numpy_indexing": numpy_indexing,
    "numpy_episodes": numpy_episodes,
}


def measure(draw, number, steps, rounds):
    """Medians of the rates of one way to draw."""
    for _ in range(max(3, steps // 5)):
        draw()
    wall, cpu = [], []
    for _ in range(rounds):
        begin = time.perf_counter(), time.process_time()
        for _ in range(steps):
            draw()
        wall.append((time.perf_counter() - begin[0]) / steps)
        cpu.append((time.process_time() - begin[1]) / steps)
    return {
        "images_per_second": round(number / float(np.median(wall))),
        "images_per_cpu_second": round(number / float(np.median(cpu))),
        "milliseconds_per_batch": round(1000 * float(np.median(wall)), 3),
    }


def share_of_a_step(images, method, steps):
    """CPU seconds of drawing over those of a step of training with it."""
    settings = omniglot_methods.METHODS[method]
    ways = settings.ways or 5
    dataset = kt.data.episodes(
        dict(enumerate(images[..., None].astype("float32"))),
        ways=ways,
        shots=1,
        queries=settings.queries,
        tasks=settings.tasks,
        rotations=True,
    )
    batches = iter(dataset.repeat())
    first = next(batches)
    drawing = cpu_seconds(lambda: [next(batches) for _ in range(steps)])
    trainer = settings.create(ways, 1, steps)
    same = tf.data.Dataset.from_tensors(first).repeat(steps)
    trainer.fit(same.take(1), verbose=0)  # traces
    training = cpu_seconds(lambda: trainer.fit(same, verbose=0))
    return round(drawing / (drawing + training), 4)


def cpu_seconds(run):
    begin = time.process_time()
    run()
    return time.process_time() - begin


def write(path, arguments, results, shares):
    """Writes the file whole or not at all."""
    packages = ("tensorflow", "keras", "numpy", "keras-transfer")
    contents = {
        "date": time.strftime("%Y-%m-%d"),
        "command": "python benchmarks/episode_speed.py --data DIR "
        f"--steps {arguments.steps} --rounds {arguments.rounds}",
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
        "tasks": TASKS,
        "queries": QUERIES,
        "results": results,
        "share_of_a_step": shares,
    }
    output.write_json(path, contents)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    path = arguments.data / "omniglot_background.npz"
    if not path.exists():
        sys.exit(f"There is no {path}. Give its folder as --data.")
    with np.load(path) as file:
        images = file["images"]
    results = {}
    for name, settings in SETTINGS.items():
        number = most(settings["ways"]) * (most(settings["shots"]) + QUERIES)
        results[name] = {}
        for way, make in WAYS_TO_DRAW.items():
            draw = make(images, settings)
            if draw is None:
                continue
            rates = measure(
                draw, TASKS * number, arguments.steps, arguments.rounds
            )
            results[name][way] = rates
            print(
                f"{name:38s} {way:15s} {rates['images_per_second']:9d} "
                f"images/s   {rates['images_per_cpu_second']:9d} per CPU "
                f"second   {rates['milliseconds_per_batch']:8.3f} ms a batch",
                flush=True,
            )
    shares = {}
    for method in ("prototypical", "maml", "fomaml"):
        shares[method] = share_of_a_step(images, method, arguments.steps // 4)
        print(f"{method:15s} {shares[method]:.2%} of a step is drawing")
    if arguments.out:
        write(arguments.out, arguments, results, shares)


if __name__ == "__main__":
    main()
