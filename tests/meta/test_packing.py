"""Many tensors as few long ones."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer.meta.packing import Packing


def variables():
    return [
        keras.Variable(np.arange(6.0).reshape(2, 3), dtype="float32"),
        keras.Variable(7.0, dtype="float64"),
        keras.Variable([8.0, 9.0], dtype="float32"),
    ]


def test_one_vector_for_each_dtype():
    given = variables()
    packing = Packing(given)
    vectors = packing.pack([v.value for v in given])
    assert packing.dtypes == ["float32", "float64"]
    assert packing.sizes == [8, 1]
    assert vectors[0].numpy().tolist() == [0, 1, 2, 3, 4, 5, 8, 9]
    assert vectors[1].numpy().tolist() == [7]


def test_unpack_is_the_inverse():
    given = variables()
    packing = Packing(given)
    back = packing.unpack(packing.pack([v.value for v in given]))
    for before, after in zip(given, back, strict=True):
        assert after.dtype == before.dtype and after.shape == before.shape
        np.testing.assert_array_equal(before.numpy(), after.numpy())


def test_gradients_come_through():
    packing = Packing(variables())
    vectors = packing.pack([v.value for v in variables()])
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        loss = tf.reduce_sum(packing.unpack(vectors)[2] ** 2)
    gradient, none = tape.gradient(loss, vectors, unconnected_gradients="zero")
    assert gradient.numpy().tolist() == [0, 0, 0, 0, 0, 0, 16, 18]
    assert none.numpy().tolist() == [0]
