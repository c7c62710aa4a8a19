"""Episodes: what is in one, when it comes again, and what is refused."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_transfer as kt

episodes = kt.data.episodes

CLASSES = 12
ROWS = np.arange(CLASSES * 20)
LABELS = ROWS % CLASSES


def _draw(images=ROWS, labels=LABELS, **arguments):
    """Episodes of rows that are their own numbers."""
    settings = {"ways": 4, "shots": 2, "queries": 3, "tasks": 5}
    settings = {**settings, "steps_per_epoch": 6, **arguments}
    return episodes(images, labels, **settings)


def _epoch(dataset):
    return [tf.nest.map_structure(lambda t: t.numpy(), b) for b in dataset]


def _same(first, second):
    return all(
        np.array_equal(a, b)
        for a, b in zip(
            tf.nest.flatten(first), tf.nest.flatten(second), strict=True
        )
    )


# === What is in an episode


def test_shapes_and_dtypes_are_static():
    for dtype in ("uint8", "float32", "float64", "float16"):
        x, y = _draw(np.zeros((240, 6, 6, 1), dtype)).element_spec
        assert x["support"] == tf.TensorSpec((5, 8, 6, 6, 1), dtype)
        assert x["query"] == tf.TensorSpec((5, 12, 6, 6, 1), dtype)
        assert y["support"] == tf.TensorSpec((5, 8), "int32")
        assert y["query"] == tf.TensorSpec((5, 12), "int32")


def test_an_episode_is_a_task_of_its_own():
    for x, y in _epoch(_draw(steps_per_epoch=20)):
        for task in range(5):
            support, query = x["support"][task], x["query"][task]
            assert y["support"][task].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
            assert y["query"][task].tolist() == sorted([0, 1, 2, 3] * 3)
            assert len({*support, *query}) == 8 + 12  # no row twice
            classes = LABELS[support[::2]]
            assert len(set(classes)) == 4
            np.testing.assert_array_equal(
                LABELS[support], classes[y["support"][task]]
            )
            np.testing.assert_array_equal(
                LABELS[query], classes[y["query"][task]]
            )


def test_tasks_of_a_batch_differ():
    x, _ = next(iter(_draw(tasks=30)))
    assert len({tuple(task) for task in x["support"].numpy()}) == 30


def test_a_class_may_be_used_up():
    x, _ = next(iter(_draw(shots=5, queries=15)))
    rows = np.concatenate([x["support"], x["query"]], axis=1)
    assert all(len(set(task)) == 80 for task in rows)


def test_variable_ways_and_shots_are_padded():
    # Class c has c + 4 examples: some cannot give all the shots.
    labels = np.repeat(np.arange(8), np.arange(8) + 4)
    rows = np.arange(1, len(labels) + 1)  # none is 0
    found_ways, found_shots = set(), set()
    dataset = _draw(rows, labels, ways=(2, 6), shots=(1, 5), tasks=40)
    for x, y in _epoch(dataset):
        assert x["support"].shape == y["support"].shape == (40, 30)
        assert x["query"].shape == y["query"].shape == (40, 18)
        for name in x:
            np.testing.assert_array_equal(x[name] == 0, y[name] == -1)
        for task in range(40):
            support = x["support"][task].reshape(6, 5)
            query = x["query"][task].reshape(6, 3)
            ways = int((query[:, 0] > 0).sum())
            found_ways.add(ways)
            for way in range(6):
                drawn = support[way][support[way] > 0]
                if way >= ways:
                    assert not drawn.size and not query[way].any()
                    continue
                found_shots.add(len(drawn))
                assert support[way][: len(drawn)].all()  # padding comes last
                both = {*drawn, *query[way]}
                assert len(both) == len(drawn) + 3
                (label,) = {labels[row - 1] for row in both}
                assert 1 <= len(drawn) <= min(5, label + 4 - 3)
            own = y["support"][task].reshape(6, 5)
            for way in range(6):
                assert set(own[way]) <= {way, -1}
    assert found_ways == {2, 3, 4, 5, 6}
    assert found_shots == {1, 2, 3, 4, 5}


def test_padded_images_are_zero():
    images = np.ones((240, 4, 4, 3), "uint8")
    for x, y in _draw(images, ways=(2, 5), rotations=True):
        for name in x:
            used = y[name].numpy() >= 0
            assert (x[name].numpy()[used] == 1).all()
            assert (x[name].numpy()[~used] == 0).all()


def test_padded_strings_are_empty():
    names = np.array([f"row {row}" for row in ROWS])
    for x, y in _draw(names, shots=(1, 3)):
        used = y["support"].numpy() >= 0
        assert (x["support"].numpy() == b"").tolist() == (~used).tolist()


# === Rotations


def _corner(image):
    """The turns of an image that is 0 but in one corner."""
    corners = [image[0, 0], image[-1, 0], image[-1, -1], image[0, -1]]
    assert np.count_nonzero(corners) == 1
    return int(np.flatnonzero(corners)[0])


@pytest.mark.parametrize("channels", [(), (1,)])
def test_turned_classes_are_classes(channels):
    # Value 1 to 3 in the top left corner names the class.
    images = np.zeros((30, 3, 3, *channels), "uint8")
    images[:, 0, 0] = (1 + np.arange(30) % 3).reshape(-1, *channels)
    labels = np.arange(30) % 3
    seen, together = set(), False
    for x, _ in _draw(images, labels, ways=6, rotations=True):
        rows = np.concatenate(
            [
                x["support"].numpy().reshape(5, 6, 2, 3, 3),
                x["query"].numpy().reshape(5, 6, 3, 3, 3),
            ],
            axis=2,
        )
        for task in rows:
            ways = [
                {(image.max(), _corner(image)) for image in way} for way in task
            ]
            assert all(len(way) == 1 for way in ways)  # turned alike
            classes = set.union(*ways)
            assert len(classes) == 6
            together |= len({value for value, _ in classes}) < 6
            seen |= classes
    assert seen == {(value, turn) for value in (1, 2, 3) for turn in range(4)}
    assert together  # of three characters six classes


def test_without_rotations_nothing_is_turned():
    images = np.zeros((240, 3, 3), "uint8")
    images[:, 0, 0] = 1
    for x, _ in _draw(images):
        assert (x["query"].numpy()[..., 0, 0] == 1).all()


# === When an episode comes again


def test_episodes_depend_on_seed_epoch_and_step_alone():
    first = [_epoch(dataset) for dataset in [_draw(seed=7)] * 3]
    tf.random.set_seed(1)
    np.random.seed(1)
    again = [_epoch(dataset) for dataset in [_draw(seed=7)] * 3]
    assert _same(first, again)
    assert not _same(first[0], first[1]) and not _same(first[1], first[2])
    assert not _same(first[0], _epoch(_draw(seed=8)))


def test_an_epoch_can_be_asked_for():
    dataset = _draw()
    in_order = [_epoch(dataset) for _ in range(4)]
    later = _draw()
    for epoch in (3, 1, 2):
        later.epoch.assign(epoch)
        assert _same(_epoch(later), in_order[epoch])


def test_a_step_does_not_depend_on_those_before():
    expected = _epoch(_draw(steps_per_epoch=9))
    assert _same(_epoch(_draw(steps_per_epoch=4)), expected[:4])
    assert _same(_epoch(_draw(steps_per_epoch=9).skip(5)), expected[5:])


def test_fixed_episodes_are_the_same_in_every_epoch():
    dataset = _draw(fixed=True)
    first = _epoch(dataset)
    assert _same(_epoch(dataset), first)
    assert _same(_epoch(_draw(fixed=True)), first)
    assert _same(_epoch(_draw()), first)  # those of epoch 0
    assert len({tuple(x["query"].flat) for x, _ in first}) == 6


def test_without_a_seed_episodes_are_new_for_each_call():
    assert not _same(_epoch(_draw(seed=None)), _epoch(_draw(seed=None)))


def test_length():
    assert len(_draw(steps_per_epoch=3)) == len(_epoch(_draw())) - 3 == 3
    assert len(_draw(fixed=True)) == 6
    assert len(episodes({"a": ROWS, "b": ROWS}, ways=2)) == 100


class _Recorder(keras.Model):
    """Trains on nothing and keeps the first support row of each step."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.built = True

    def train_step(self, data):
        x, y = data
        assert set(x) == set(y) == {"support", "query"}
        self.seen.append(x["support"].numpy()[0].tolist())
        return {"loss": 0.0}


def _fit(epochs, first=0):
    dataset, model = _draw(), _Recorder()
    model.compile(run_eagerly=True)
    model.fit(
        dataset,
        epochs=epochs,
        initial_epoch=first,
        shuffle=False,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: dataset.epoch.assign(epoch)
            )
        ],
    )
    return model.seen


def test_fit_takes_them_and_can_be_resumed():
    unbroken = _fit(3)
    assert len(unbroken) == 18 and unbroken[:6] != unbroken[6:12]
    assert _fit(2) + _fit(3, first=2) == unbroken


# === Sources


def test_arrays_mappings_and_datasets_give_the_same_episodes():
    mapping = {name: ROWS[name::CLASSES] for name in range(CLASSES)}
    dataset = tf.data.Dataset.from_tensor_slices((ROWS, LABELS))
    expected = _epoch(_draw())
    assert _same(_epoch(_draw(mapping, None)), expected)
    assert _same(_epoch(_draw(dataset, None)), expected)


def test_class_by_class_arrays():
    images = np.arange(24).reshape(4, 6, 1)
    names = ["w", "x", "y", "z"]
    x, _ = next(iter(_draw(dict(zip(names, images, strict=True)), None)))
    assert x["support"].shape == (5, 8, 1)


def test_several_inputs():
    nest = {"ids": ROWS, "pair": (ROWS * 2, ROWS[:, None] * 3)}
    for x, _ in _draw(nest, ways=(2, 4)):
        for part in x.values():
            np.testing.assert_array_equal(part["pair"][0], 2 * part["ids"])
            np.testing.assert_array_equal(
                part["pair"][1], 3 * part["ids"][..., None]
            )


@pytest.fixture
def folder(tmp_path):
    for value, name in enumerate(("ant", "bee", "cat")):
        (tmp_path / name).mkdir()
        for row in range(5):
            pixels = np.full((4, 6, 3), 50 * value + row, "uint8")
            Image.fromarray(pixels).save(tmp_path / name / f"{row}.png")
    return kt.data.image_folder(tmp_path, (4, 4), verbose=0)


@pytest.mark.parametrize("rotations", [False, True])
def test_image_folder(folder, rotations):
    settings = {"ways": (2, 3), "tasks": 2, "steps_per_epoch": 2}
    drawn = _draw(folder, None, rotations=rotations, **settings)
    for x, _ in drawn:
        assert x["query"].shape == (2, 9, 4, 4, 3)
        assert x["query"].dtype == "float32"
        classes = x["query"].numpy()[..., 0, 0, 0].reshape(2, 3, 3) // 50
        assert (classes == classes[..., :1]).all()
    by_hand = _draw(
        folder.train.paths,
        folder.train.labels,
        example_map=folder.load,
        rotations=rotations,
        **settings,
    )
    drawn.epoch.assign(0)
    assert _same(_epoch(drawn), _epoch(by_hand))


def test_example_map():
    images = np.full((240, 3, 3), 4, "uint8")
    dataset = _draw(
        images,
        example_map=lambda rows: tf.cast(rows, "float32")[..., None] / 8,
        rotations=True,
    )
    x, _ = next(iter(dataset))
    assert x["support"].shape == (5, 8, 3, 3, 1)
    assert x["support"].dtype == "float32"
    assert (x["support"].numpy() == 0.5).all()


# === Bad input


def test_a_class_with_too_few_examples_is_named():
    labels = np.array(["x"] * 3 + ["y"] * 20 + ["z"] * 4)
    expected = (
        "Class 'x' has 3 examples, shots + queries = 16 (1 more with too few)."
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        episodes(np.zeros((27, 2)), labels, ways=2)
    with pytest.raises(ValueError, match=r"shots \+ queries = 4\. Lower"):
        _draw(np.zeros((27, 2)), labels, ways=2, shots=(1, 5))


@pytest.mark.parametrize(
    "ways, rotations, message",
    [
        (13, False, "number of classes, which is 12. Received: ways=13"),
        ((2, 13), False, "which is 12. Received: ways=(2, 13)"),
        (49, True, "which is 12, 48 with rotations. Received: ways=49"),
    ],
)
def test_too_few_classes(ways, rotations, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        _draw(np.zeros((240, 2, 2)), ways=ways, rotations=rotations)
    _draw(np.zeros((240, 2, 2)), ways=48, rotations=True)


@pytest.mark.parametrize(
    "shape", [(4, 6), (4, 6, 3), (5,), (), (4, 4, 3, 1)], ids=str
)
def test_only_square_images_can_be_turned(shape):
    with pytest.raises(ValueError, match="Only square images"):
        _draw(np.zeros((240, *shape)), rotations=True)
    _draw(np.zeros((240, *shape)))


def _words_of(value):
    """Ids without addresses: processes must agree on them."""
    return value if isinstance(value, str) else "-".join(value)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"ways": 1}, "`ways`. Expected an integer of at least 2"),
        ({"ways": (3, 2)}, "`ways`"),
        ({"ways": (1, 3)}, "`ways`"),
        ({"ways": (2, 3, 4)}, "`ways`"),
        ({"ways": 2.0}, "`ways`"),
        ({"shots": 0}, "`shots`. Expected an integer of at least 1"),
        ({"shots": (0, 3)}, "`shots`"),
        ({"shots": None}, "`shots`"),
        ({"queries": 0}, "`queries`. Expected a positive integer"),
        ({"queries": (1, 2)}, "`queries`"),
        ({"tasks": True}, "`tasks`"),
        ({"steps_per_epoch": None}, "`steps_per_epoch`"),
        ({"seed": -1}, "`seed`. Expected a non-negative integer or None"),
        ({"seed": 0.5}, "`seed`"),
        ({"memory_limit": 0}, "`memory_limit`"),
        ({"images": ROWS[:-1]}, "`labels` has 240 rows and `images` 239"),
        ({"images": np.full(240, np.nan)}, "NaN or infinite value in row 0"),
        ({"example_map": lambda rows: rows[0]}, "as many rows as"),
        (
            {"example_map": lambda rows: tf.repeat(rows, 2, axis=0)},
            "as many rows as",
        ),
    ],
    ids=_words_of,
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        _draw(**arguments)


def test_numpy_integers_are_integers():
    assert len(_draw(ways=np.int64(3), tasks=np.int32(2), seed=np.int8(1))) == 6


def test_the_limit_is_passed_on():
    dataset = tf.data.Dataset.from_tensor_slices((ROWS, LABELS))
    with pytest.raises(ValueError, match="memory_limit=100"):
        _draw(dataset, None, memory_limit=100)
