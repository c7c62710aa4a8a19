"""Episodes are checked, folded, drawn and averaged."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import episode_batches
from tests.meta import small_episodes as small


def _changed(change):
    """Small episodes whose elements a function has changed."""
    return small.episodes().map(change)


def _with_query(y, query):
    return {"support": y["support"], "query": query}


# === Checks ===


@pytest.mark.parametrize(
    "value, expected",
    [
        ({"support": 1, "query": 2}, True),
        ({"support": 1}, False),
        ({"support": 1, "query": 2, "labels": 3}, False),
        ((1, 2), False),
        (np.ones(3), False),
    ],
)
def test_what_is_taken_for_episodes(value, expected):
    assert episode_batches.is_episodes(value) is expected


def test_episodes_pass_the_checks():
    for arguments in ({}, {"ways": (2, 4), "shots": (1, 3)}):
        data = small.episodes(**arguments)
        episode_batches.check_dataset(data, "x")
        x, y = next(iter(data))
        episode_batches.check(x, y)
        episode_batches.check_classes(y)


@pytest.mark.parametrize("data", [np.ones((4, 5)), None, [(1, 2)]])
def test_only_datasets_pass(data):
    with pytest.raises(
        ValueError, match="`x`.*a tf.data.Dataset of episodes.*data.episodes"
    ):
        episode_batches.check_dataset(data, "x")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, y: x, "takes episodes"),
        (lambda x, y: (x, y, 1.0), "takes episodes"),
        (lambda x, y: (x["query"], y["query"]), "takes episodes"),
        (
            lambda x, y: ({"query": x["query"]}, y),
            r"takes episodes.*'query': 'array \(2, 9, 5\)'",
        ),
        (
            lambda x, y: (x, _with_query(y, y["query"][:, :4])),
            r"query of episodes.*\(2, 9, 5\) and \(2, 4\)",
        ),
        (
            lambda x, y: ({**x, "support": x["support"][:1]}, y),
            r"support of episodes.*\(1, 6, 5\) and \(2, 6\)",
        ),
        (
            lambda x, y: keras.tree.map_structure(lambda t: t[0], (x, y)),
            r"\(tasks, rows, ...\)",
        ),
    ],
)
def test_other_elements_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        episode_batches.check_dataset(_changed(change), "x")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda y: tf.one_hot(y, 3), r"not one-hot.*\(2, 9, 3\)"),
        (lambda y: tf.cast(y, "float32"), "integers.*float32"),
    ],
)
def test_other_labels_are_refused(change, message):
    _, y = next(iter(small.episodes()))
    with pytest.raises(ValueError, match=message):
        episode_batches.check_classes(_with_query(y, change(y["query"])))


def test_an_unknown_number_of_support_rows_is_refused():
    spec = tf.TensorSpec((None, None), "int32")
    with pytest.raises(ValueError, match="support rows must be known"):
        episode_batches.check_classes({"support": spec, "query": spec})


def test_first_steps_are_there_or_an_error():
    data = small.episodes()
    assert len(list(episode_batches.first_steps(data, 2))) == 2
    assert len(list(episode_batches.first_steps(data, 3))) == 3
    with pytest.raises(ValueError, match="3 steps.*steps_per_epoch=4"):
        episode_batches.first_steps(data, 4)


# === Axes ===


def test_folding_puts_one_task_after_the_other(generator):
    one = generator.normal(size=(3, 4, 5)).astype("float32")
    two = generator.integers(9, size=(3, 4))
    rows = {"one": tf.constant(one), "two": tf.constant(two)}
    folded = episode_batches.fold_tasks(rows)
    np.testing.assert_array_equal(folded["one"], one.reshape(12, 5))
    np.testing.assert_array_equal(folded["two"], two.reshape(12))
    np.testing.assert_array_equal(
        episode_batches.unfold_tasks(folded["one"], 3), one
    )


def test_folding_keeps_known_shapes():
    shapes = []

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 4, 5)),
            tf.TensorSpec((2, 4), tf.string),
        ]
    )
    def fold(one, two):
        shapes.append(episode_batches.fold_tasks(one).shape.as_list())
        shapes.append(episode_batches.fold_tasks(two).shape.as_list())
        return episode_batches.fold_tasks(one)

    assert fold(np.ones((3, 4, 5), "f4"), [["a"] * 4] * 2).shape == (12, 5)
    assert shapes == [[None, 5], [8]]


def test_the_mean_of_a_task_leaves_padding_out():
    values = tf.constant([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 5.0]])
    labels = tf.constant([[0, 1, -1], [-1, -1, -1], [2, 2, -1]])
    found = episode_batches.mean_of_each_task(values, labels)
    np.testing.assert_array_equal(found, [0.5, 0.0, 0.5])


def test_values_of_batches_become_one_array():
    found = episode_batches.to_float64([np.ones(2, "f4"), np.zeros(1, "f4")])
    assert found.tolist() == [1.0, 1.0, 0.0]
    assert found.dtype == "float64"


# === Drawing ===


def _drawn(data, number):
    return list(episode_batches.draw(data, number, verbose=False))


def _queries(batches):
    return np.concatenate([x["query"] for x, _ in batches])


@pytest.mark.parametrize("number", [1, 4, 5, 6, 11, np.int64(3)])
def test_as_many_as_asked_for(number):
    drawn = _drawn(small.episodes(), number)
    assert sum(len(y["query"]) for _, y in drawn) == number
    for x, y in drawn:
        assert len(x["support"]) == len(y["support"]) == len(y["query"])


def test_it_starts_at_epoch_0_and_goes_on_with_the_next():
    data = small.episodes()
    first = _queries(data)  # epoch 0
    second = _queries(data)
    assert np.abs(first - second).max() > 0.1
    data.epoch.assign(7)
    np.testing.assert_array_equal(
        _queries(_drawn(data, 11)), np.concatenate([first, second])[:11]
    )
    assert int(data.epoch) == 7


def test_the_epoch_is_restored_after_an_error_or_a_break():
    data = small.episodes()
    data.epoch.assign(7)
    drawing = episode_batches.draw(data, 6, verbose=False)
    next(drawing)
    assert int(data.epoch) != 7
    drawing.close()
    assert int(data.epoch) == 7


def test_fixed_episodes_end():
    data = small.episodes(fixed=True)
    assert len(_queries(_drawn(data, 6))) == 6
    with pytest.raises(ValueError, match="only 6 episodes.*num_episodes=7"):
        _drawn(data, 7)


def test_batches_may_come_from_a_list_or_a_generator():
    batches = list(small.episodes().as_numpy_iterator())
    for data in (batches, iter(batches)):
        drawn = _drawn(data, 5)
        np.testing.assert_array_equal(_queries(drawn), _queries(batches)[:5])


@pytest.mark.parametrize("number", [0, -1, 2.0, None, "3"])
def test_other_numbers_are_refused(number):
    with pytest.raises(ValueError, match="`num_episodes`.*1 or more"):
        _drawn(small.episodes(), number)


@pytest.mark.parametrize("data", [np.ones((4, 5)), (np.ones(3), np.ones(3))])
def test_what_are_no_episodes_is_refused(data):
    with pytest.raises(ValueError, match="takes episodes"):
        _drawn(data, 2)


def test_a_bar_is_shown(capsys):
    list(episode_batches.draw(small.episodes(), 5, verbose=True))
    assert "5/5" in capsys.readouterr().err
