"""The inner loops of all tasks of a batch."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import batch_statistics
from keras_transfer.meta import task_runs
from tests.meta import small_models
from tests.meta.test_inner_adam import linear
from tests.meta.test_inner_adam import numpy_adam
from tests.meta.test_inner_adam import parts_of

SEED = tf.constant([3, 4], "int64")


def tasks(generator, number=3, rows=4):
    """Support and query; the batches of a plan of `rows` are full."""
    x = {
        part: generator.normal(size=(number, rows, 4))
        for part in ("support", "query")
    }
    y = {
        part: generator.integers(0, 3, (number, rows)).astype("int32")
        for part in ("support", "query")
    }
    return tf.nest.map_structure(tf.constant, (x, y))


def test_slots_go_from_task_to_task(generator):
    adam, slots = parts_of(linear())
    x, y = tasks(generator)
    plan = task_runs.Plan(steps=2, size=4, seed=SEED)
    end, moved, last = task_runs.in_turn(
        adam, slots.start(), x["support"], y["support"], plan
    )
    start = [v.numpy() for v in slots._fast.trainable]
    squares, count, total = [np.zeros_like(w) for w in start], 0, 0
    for one_x, one_y in zip(
        x["support"].numpy(), y["support"].numpy(), strict=True
    ):
        reached, squares, count = numpy_adam(
            start, squares, count, one_x, one_y, [range(4)] * 2
        )
        total = total + np.concatenate(
            [(r - s).ravel() for r, s in zip(reached, start, strict=True)]
        )
    np.testing.assert_allclose(moved[0], total / 3, rtol=1e-5)
    np.testing.assert_allclose(
        end.squares[0], np.concatenate([v.ravel() for v in squares]), rtol=1e-5
    )
    assert int(end.count) == count == 6
    assert last.loss.shape == (3,)
    assert last.labels.shape == (3, 4) and last.outputs.shape == (3, 4, 3)


def test_one_step_goes_against_the_gradient(generator):
    """With one step Reptile is training on all tasks together."""
    adam, slots = parts_of(linear())
    x, y = tasks(generator)
    plan = task_runs.Plan(steps=1, size=4, seed=SEED)
    _, moved, _ = task_runs.in_turn(
        adam, slots.start(), x["support"], y["support"], plan
    )
    start = slots.start().weights
    with tf.GradientTape() as tape:
        tape.watch(start)
        outputs, _, _ = adam.fast.run(
            adam.packing.unpack(start),
            slots.start().state,
            tf.reshape(x["support"], [-1, 4]),
            training=True,
        )
        loss = adam._loss(tf.reshape(y["support"], [-1]), outputs)
    gradient = tape.gradient(loss, start)[0].numpy()
    cosine = gradient @ moved[0].numpy()
    cosine /= np.linalg.norm(gradient) * np.linalg.norm(moved[0])
    assert cosine < -0.5


def test_padding_is_never_drawn(generator):
    adam, slots = parts_of(linear())
    x, y = tasks(generator)
    plan = task_runs.Plan(steps=3, size=3, seed=SEED)
    labels = tf.where([True, True, False, True], y["support"], -1)
    expected = task_runs.in_turn(
        adam, slots.start(), x["support"], labels, plan
    )
    spoilt = x["support"] + np.array([0, 0, np.nan, 0])[:, None]
    found = task_runs.in_turn(adam, slots.start(), spoilt, labels, plan)
    np.testing.assert_array_equal(found[1][0], expected[1][0])


def evaluated(adam, slots, x, y, modes=("none",)):
    plan = task_runs.Plan(steps=3, size=2, seed=(1, 2))
    return task_runs.query_outputs(adam, slots.start(), x, y, plan, modes)


def test_queries_are_run_by_the_adapted_model(generator):
    adam, slots = parts_of(linear())
    x, y = tasks(generator)
    found = evaluated(adam, slots, x, y)["none"]
    plan = task_runs.Plan(3, 2, (1, 2))
    for number in range(3):
        (kernel, bias), _, support = task_runs.adapted(
            adam,
            slots.start(),
            x["support"][number],
            y["support"][number],
            plan,
        )
        np.testing.assert_allclose(
            found[number], x["query"][number] @ kernel + bias, rtol=1e-6
        )
        np.testing.assert_array_equal(support, x["support"][number])


def test_a_task_sees_no_other(generator):
    adam, slots = parts_of(linear())
    x, y = tasks(generator)
    alone = tf.nest.map_structure(lambda leaf: leaf[1:2], (x, y))
    np.testing.assert_allclose(
        evaluated(adam, slots, x, y)["none"][1:2],
        evaluated(adam, slots, *alone)["none"],
        rtol=1e-6,
    )


@pytest.mark.parametrize("mode", batch_statistics.STATISTICS)
def test_padded_queries_change_nothing_and_get_zeros(generator, mode):
    adam, slots = parts_of(small_models.convolutional("float32"))
    images = small_models.images(10, generator, "float32")
    x = {"support": images[None, :6], "query": images[None, 6:]}
    y = {
        "support": np.array([[0, 1, 2, 0, 1, -1]], "int32"),
        "query": np.array([[0, -1, 1, 2]], "int32"),
    }
    x, y = tf.nest.map_structure(tf.constant, (x, y))
    found = evaluated(adam, slots, x, y, [mode])[mode].numpy()
    assert not found[0, 1].any() and found[0, 0].any()
    kept = tf.constant([0, 2, 3])
    x = {
        "support": x["support"][:, :5],
        "query": tf.gather(x["query"], kept, axis=1),
    }
    y = {
        "support": y["support"][:, :5],
        "query": tf.gather(y["query"], kept, axis=1),
    }
    np.testing.assert_allclose(
        found[:, [0, 2, 3]],
        evaluated(adam, slots, x, y, [mode])[mode],
        atol=1e-5,
    )
