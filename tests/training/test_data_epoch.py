"""Data know which epoch it is."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer.training import data_epoch


def _model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_the_variable_holds_the_number_of_the_epoch():
    variable = tf.Variable(7, dtype=tf.int64)
    seen = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(int(variable))
    )
    _model().fit(
        np.ones((4, 2)),
        np.ones(4),
        initial_epoch=2,
        epochs=5,
        verbose=0,
        callbacks=[data_epoch.DataEpoch(variable), note],
    )
    assert seen == [2, 3, 4]


def test_data_without_a_variable_are_left_alone():
    data_epoch.DataEpoch(None).on_epoch_begin(3)


def test_callbacks_become_a_list():
    callback = keras.callbacks.Callback()
    assert data_epoch.as_list(None) == []
    assert data_epoch.as_list(callback) == [callback]
    assert data_epoch.as_list([callback, callback]) == [callback] * 2
