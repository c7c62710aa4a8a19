"""Episodes as sequences: order, padding, late labels, showings, the loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.layers.memory_cell import LeastRecentlyUsedMemoryCell
from keras_transfer.meta import sequences

SEED = (3, 4)


def episode():
    """Two tasks whose examples say their label; the second is padded."""
    support = np.array([[0, 1, 2], [0, 1, -1]], "int32")
    query = np.array([[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, -1, -1]], "int32")
    y = {"support": support, "query": query}
    x = {k: (10 + v)[..., None].astype("float32") for k, v in y.items()}
    return x, y


def test_a_sequence_holds_what_the_episode_holds():
    x, y = episode()
    examples, labels = sequences.joined(x, y, SEED)
    np.testing.assert_array_equal(examples[..., 0], labels + 10)
    everything = np.concatenate([y["support"], y["query"]], axis=1)
    np.testing.assert_array_equal(np.sort(labels), np.sort(everything))
    assert labels.dtype == "int32"


def test_padding_comes_last():
    for seed in range(20):
        _, labels = sequences.joined(*episode(), (seed, 0))
        assert (labels[1, -3:].numpy() == -1).all()
        assert (labels[1, :-3].numpy() >= 0).all()


def test_the_order_depends_on_task_and_seed_alone():
    x, y = episode()
    x, y = tf.nest.map_structure(lambda t: np.stack([t[0]] * 4), (x, y))
    first = sequences.joined(x, y, SEED)[1].numpy()
    again = sequences.joined(x, y, SEED)[1].numpy()
    other = sequences.joined(x, y, (5, 6))[1].numpy()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len({tuple(row) for row in first}) > 1


def test_every_place_is_as_likely():
    labels = tf.tile([[0, 1, 2, 3]], [4000, 1])
    _, mixed = sequences.shuffled(labels, labels, SEED)
    shares = [(mixed.numpy() == label).mean(axis=0) for label in range(4)]
    np.testing.assert_allclose(shares, 0.25, atol=0.035)


def test_labels_come_one_step_late():
    late = sequences.one_step_late(np.array([[2, 0, 1, -1, -1]]), 3).numpy()
    expected = [[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert late[0].tolist() == expected


def test_showings_and_their_accuracy():
    labels = np.array([[1, 0, 1, 1, 0, -1]])
    shown = sequences.showings(labels, 3)
    assert shown.numpy().tolist() == [[1, 1, 2, 3, 2, 0]]
    hits = np.array([[0, 1, 1, 0, 1, 1]], "float32")
    rights = [
        sequences.accuracy_at(k, hits, labels, shown).numpy()[0]
        for k in (1, 2, 3, 4)
    ]
    np.testing.assert_array_equal(rights, [0.5, 1.0, 0.0, np.nan])


@pytest.fixture
def cell():
    cell = LeastRecentlyUsedMemoryCell(6, 7, 5, 2)
    cell.build((None, 4))
    return cell


def test_the_loop_equals_that_of_keras(cell, generator):
    inputs = generator.normal(size=(3, 8, 4)).astype("float32")
    outputs, states = sequences.run(
        cell, tf.constant(inputs), cell.get_initial_state(3)
    )
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    for value, expected in zip([outputs, *states], layer(inputs), strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6)


def test_steps_that_are_not_valid_leave_the_states(cell, generator):
    inputs = tf.constant(generator.normal(size=(2, 6, 4)).astype("float32"))
    valid = tf.constant([[True] * 6, [True] * 3 + [False] * 3])
    _, states = sequences.run(cell, inputs, cell.get_initial_state(2), valid)
    for steps, row in ((6, 0), (3, 1)):
        _, expected = sequences.run(
            cell, inputs[:, :steps], cell.get_initial_state(2)
        )
        for state, value in zip(states, expected, strict=True):
            np.testing.assert_allclose(state[row], value[row], atol=1e-6)


@pytest.mark.slow
def test_the_loop_is_differentiated_under_xla(cell, generator):
    inputs = tf.constant(generator.normal(size=(2, 6, 4)).astype("float32"))

    def slope():
        with tf.GradientTape() as tape:
            outputs, _ = sequences.run(cell, inputs, cell.get_initial_state(2))
            loss = tf.reduce_sum(outputs**2)
        return tape.gradient(loss, cell.kernel.value)

    compiled = tf.function(slope, jit_compile=True)()
    np.testing.assert_allclose(compiled, slope(), rtol=1e-3, atol=1e-5)
