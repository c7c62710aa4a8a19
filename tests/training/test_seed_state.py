"""The random state goes into the weights file and comes back."""

import keras
import numpy as np

from keras_transfer.training import seed_state
from tests.helpers import to_numpy


class Dropped(keras.Model):
    """A model with two generators that saves their state."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dropout(0.5)
        self.second = keras.layers.Dropout(0.2)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs, training=None):
        hidden = self.second(inputs, training=training)
        return self.dense(self.first(hidden, training=training))

    def save_own_variables(self, store):
        super().save_own_variables(store)
        seed_state.save_seeds(self, store)

    def load_own_variables(self, store):
        super().load_own_variables(seed_state.load_seeds(self, store))


def _used_model(seed, calls=0):
    keras.utils.set_random_seed(seed)
    model = Dropped()
    for _ in range(calls + 1):
        model(np.ones((2, 3), "float32"), training=True)
    return model


def test_seeds_are_saved_with_the_weights(tmp_path):
    model, other = _used_model(0, calls=2), _used_model(1)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    seeds = [
        [to_numpy(v) for v in seed_state._seeds(m).values()]
        for m in (model, other)
    ]
    assert len(seeds[0]) == 2
    np.testing.assert_array_equal(*seeds)
    assert np.any(seeds[0][0] != to_numpy(_used_model(1).first.variables[0]))


def test_what_is_no_seed_is_handed_back():
    store = {"0": 1.0, "seed_generator_9": 2.0}
    assert seed_state.load_seeds(_used_model(0), store) == {"0": 1.0}


def test_which_variables_are_seeds():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2),
            keras.layers.Dropout(0.5),
            keras.layers.BatchNormalization(),
        ]
    )
    found = [v for v in model.variables if seed_state.is_seed(v)]
    assert [v.dtype for v in found] == [
        keras.random.SeedGenerator(0).state.dtype
    ]
