"""Small tasks that can be learnt: classes around centres of their own."""

import numpy as np

import keras_transfer as kt

CLASSES = 12


def rows(generator, shape=(6,), classes=CLASSES, examples=12, spread=0.4):
    """Examples `(rows, *shape)` float32 and their classes `(rows,)`."""
    labels = np.repeat(np.arange(classes), examples)
    centres = generator.normal(size=(classes, *shape))
    noise = spread * generator.normal(size=(len(labels), *shape))
    return (centres[labels] + noise).astype("float32"), labels


def episodes(generator, shape=(6,), **arguments):
    """A dataset of episodes; every epoch has the same ones."""
    arguments = {
        "ways": 4,
        "shots": 2,
        "queries": 3,
        "tasks": 2,
        "steps_per_epoch": 10,
        "fixed": True,
        **arguments,
    }
    return kt.data.episodes(*rows(generator, shape), **arguments)


def batch(data):
    """The first batch: what a trainer is called with, and the answers."""
    x, y = next(iter(data))
    return {**x, "support_labels": y["support"]}, y["query"].numpy()


def permuted(inputs, generator):
    """The same tasks, their support in another order."""
    order = generator.permutation(inputs["support"].shape[1])
    return {
        "support": inputs["support"].numpy()[:, order],
        "support_labels": inputs["support_labels"].numpy()[:, order],
        "query": inputs["query"],
    }


def renamed(inputs, numbers):
    """The same tasks, class `k` called `numbers[k]`."""
    labels = inputs["support_labels"].numpy()
    numbers = np.append(numbers, -1)
    return {**inputs, "support_labels": numbers[labels].astype("int32")}


def padded(inputs, rows=3, value=7.0):
    """The same tasks, with rows that pad them, one of them in front."""
    support = inputs["support"].numpy()
    labels = inputs["support_labels"].numpy()
    filling = np.full_like(support[:, :1], value)
    none = np.full_like(labels[:, :1], -1)
    return {
        "support": np.concatenate(
            [filling, support, *[filling] * (rows - 1)], axis=1
        ),
        "support_labels": np.concatenate(
            [none, labels, *[none] * (rows - 1)], axis=1
        ),
        "query": inputs["query"],
    }


def task(inputs, index):
    """One task alone."""
    return {name: leaf[index : index + 1] for name, leaf in inputs.items()}
