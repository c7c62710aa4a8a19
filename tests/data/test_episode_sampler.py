"""Drawing without replacement, turning images, and the shape of episodes."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.data.class_examples import class_examples
from keras_transfer.data.episode_sampler import EpisodeSampler
from keras_transfer.data.episode_sampler import distinct
from keras_transfer.data.episode_sampler import turned


def _draw(counts, number, seed=0):
    counts = tf.constant(counts, tf.int64)
    return distinct(counts, number, seed=[seed, 0]).numpy()


# === Draws


@pytest.mark.parametrize(
    "count, number", [(5, 3), (4, 4), (3, 5), (6, 1), (1, 2)]
)
def test_all_ordered_choices_are_equally_likely(count, number):
    rows = 24_000
    drawn = collections.Counter(map(tuple, _draw([count] * rows, number)))
    size = min(count, number)
    padding = (-1,) * (number - size)
    choices = itertools.permutations(range(count), size)
    choices = {(*choice, *padding) for choice in choices}
    assert set(drawn) == choices
    expected = rows / len(choices)
    for choice in choices:
        assert abs(drawn[choice] - expected) <= 5 * np.sqrt(expected)


def test_counts_may_differ_and_be_large():
    counts = np.array([[1, 3, 16], [20, 10**6, 10**15]])
    drawn = _draw(counts, 16)
    assert drawn.shape == (2, 3, 16)
    for index, count in np.ndenumerate(counts):
        size = min(count, 16)
        values = drawn[index]
        assert len(set(values[:size])) == size
        assert values[:size].min() >= 0 and values.max() < count
        assert (values[size:] == -1).all()
    # All of a large range is reached.
    assert 3e14 < drawn[1, 2].mean() < 7e14


def test_draws_depend_on_the_seed_alone():
    first = _draw([50] * 8, 5, seed=3)
    tf.random.set_seed(9)
    np.testing.assert_array_equal(_draw([50] * 8, 5, seed=3), first)
    assert (_draw([50] * 8, 5, seed=4) != first).any()


def test_neighbours_are_drawn_apart():
    drawn = _draw([1000] * 200, 1)[:, 0]
    assert len(set(drawn)) > 150


# === Turns


@pytest.mark.parametrize("shape", [(5, 5), (4, 4, 1), (3, 3, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "int32"])
def test_images_turn_as_in_numpy(shape, dtype):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (40, *shape)).astype(dtype)
    turns = generator.integers(0, 4, 40).astype("int32")
    found = turned(tf.constant(images), turns)
    assert found.dtype == dtype
    for image, turn, result in zip(images, turns, found, strict=True):
        np.testing.assert_array_equal(result, np.rot90(image, turn))


def test_some_turns_may_be_missing():
    images = np.arange(8.0).reshape(2, 2, 2)
    found = turned(tf.constant(images), np.array([3, 3], "int32"))
    np.testing.assert_array_equal(found, np.rot90(images, 3, axes=(1, 2)))


# === Episodes


def _sampler(**arguments):
    rows = np.arange(60)
    settings = {
        "examples": class_examples(rows, rows % 6),
        "ways": (3, 3),
        "shots": (2, 2),
        "queries": 4,
        "tasks": 7,
        "rotations": False,
        "seed": 0,
    }
    return EpisodeSampler(**{**settings, **arguments})


def test_graph_and_eager_agree():
    sampler = _sampler(ways=(2, 5), shots=(1, 3))
    eager, in_graph = sampler(3, 8), tf.function(sampler)(3, 8)
    for first, second in zip(
        tf.nest.flatten(eager), tf.nest.flatten(in_graph), strict=True
    ):
        np.testing.assert_array_equal(first, second)


def test_seed_epoch_and_step_each_matter():
    numbers = itertools.product((0, 1, 2), repeat=3)
    drawn = [
        tuple(_sampler(seed=seed)(epoch, step)[0]["query"].numpy().flat)
        for seed, epoch, step in numbers
    ]
    assert len(set(drawn)) == 27


def test_balanced_or_not():
    assert _sampler().is_balanced
    assert not _sampler(ways=(2, 3)).is_balanced
    assert not _sampler(shots=(2, 3)).is_balanced


def test_all_classes_and_examples_are_drawn_equally_often():
    sampler = _sampler(tasks=6000)
    x, _ = sampler(0, 0)
    for name, number in (("support", 2), ("query", 4)):
        drawn = np.bincount(x[name].numpy().ravel(), minlength=60)
        expected = 6000 * 3 * number / 60
        assert abs(drawn - expected).max() <= 5 * np.sqrt(expected)


def test_each_way_may_be_each_class():
    x, _ = _sampler(tasks=600)(0, 0)
    classes = x["support"].numpy().reshape(600, 3, 2)[..., 0] % 6
    for way in range(3):
        drawn = np.bincount(classes[:, way], minlength=6)
        assert abs(drawn - 100).max() <= 50


def test_ways_and_shots_of_a_range_are_drawn_evenly():
    sampler = _sampler(tasks=4000, ways=(2, 5), shots=(1, 4))
    _, y = sampler(0, 0)
    used = y["support"].numpy().reshape(4000, 5, 4) >= 0
    ways = np.bincount(used.any(-1).sum(-1), minlength=6)
    assert ways[:2].tolist() == [0, 0] and abs(ways[2:] - 1000).max() < 150
    shots = np.bincount(used.sum(-1).ravel(), minlength=5)[1:]
    assert abs(shots / shots.sum() - 0.25).max() < 0.02
