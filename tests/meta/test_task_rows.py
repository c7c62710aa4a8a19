"""Padding is taken out of a task, and put back."""

import numpy as np
import tensorflow as tf

from keras_transfer.meta import task_rows


def test_padding_is_taken_out_and_put_back():
    x = {"a": tf.range(5), "b": tf.reshape(tf.range(10), (5, 2))}
    labels = tf.constant([1, -1, 0, -1, 1])
    left, known, rows = task_rows.without_padding(x, labels)
    assert left["a"].numpy().tolist() == [0, 2, 4]
    assert left["b"].numpy().tolist() == [[0, 1], [4, 5], [8, 9]]
    assert known.numpy().tolist() == [1, 0, 1]
    values = tf.constant([[1.0], [2.0], [3.0]])
    placed = task_rows.put_back(values, rows, labels)
    assert placed[:, 0].numpy().tolist() == [1.0, 0.0, 2.0, 0.0, 3.0]


def test_labels_that_are_no_classes_have_no_padding():
    x = tf.range(2)
    for labels in (
        tf.constant([-1.0, 2.0]),
        tf.constant([[-1], [2]]),
    ):
        left, known, rows = task_rows.without_padding(x, labels)
        assert left is x and known is labels and rows is None
        assert task_rows.put_back(x, rows, labels) is x


def test_shapes_are_known_in_a_graph():
    @tf.function(
        input_signature=[
            tf.TensorSpec((4, 3), "float32"),
            tf.TensorSpec((4,), "int32"),
        ]
    )
    def placed(x, labels):
        left, _, rows = task_rows.without_padding(x, labels)
        return task_rows.put_back(left, rows, labels)

    assert placed.get_concrete_function().structured_outputs.shape == (4, 3)


def test_a_loop_adds_up_and_stacks():
    def run(data, tasks):
        def body(number):
            row = data[number]
            return {"sum": [row]}, {"row": row * 2.0, "number": number}

        return task_rows.loop_over_tasks(
            body,
            tasks,
            {"sum": [tf.zeros(3)]},
            {"row": tf.float32, "number": tf.int32},
            parallel=2,
        )

    data = tf.constant(np.arange(12.0).reshape(4, 3), "float32")
    for function in (run, tf.function(run)):
        totals, rows = function(data, tf.constant(4))
        np.testing.assert_allclose(totals["sum"][0], np.sum(data, 0))
        np.testing.assert_allclose(rows["row"], 2 * data)
        assert rows["number"].numpy().tolist() == [0, 1, 2, 3]


def test_of_task():
    x = {"support": tf.reshape(tf.range(6), (2, 3))}
    y = {"support": tf.constant([[0, 1, -1], [0, -1, 1]])}
    left, labels, rows = task_rows.of_task(x, y, "support", 1)
    assert left.numpy().tolist() == [3, 5]
    assert labels.numpy().tolist() == [0, 1]
    assert rows.numpy().tolist() == [0, 2]


def test_loss_dtype(monkeypatch):
    for floatx, expected in (
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
    ):
        monkeypatch.setattr(
            task_rows.keras.config, "floatx", lambda name=floatx: name
        )
        assert task_rows.loss_dtype() == expected
