"""The regression of the MAML paper: sine waves from ten points each.

Amplitudes are drawn from [0.1, 5], phases from [0, pi], inputs from [-5, 5];
the network has two layers of 40 ReLU, the inner rate is 0.01. The authors
train with Adam at 0.001 for 70,000 steps; here it is 0.01 for 1,000.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_transfer as kt

SHOTS = 10
TASKS = 25
STEPS = 1000


def sine_waves(steps, seed):
    """Batches of tasks, the same for the same seed."""

    def draw(step):
        def uniform(number, shape, low, high):
            return tf.random.stateless_uniform(
                shape, tf.stack([step, 10 * seed + number]), low, high
            )

        amplitude = uniform(0, (TASKS, 1, 1), 0.1, 5.0)
        phase = uniform(1, (TASKS, 1, 1), 0.0, np.pi)
        x = uniform(2, (TASKS, 2 * SHOTS, 1), -5.0, 5.0)
        y = amplitude * tf.sin(x - phase)
        return tuple(
            {"support": rows[:, :SHOTS], "query": rows[:, SHOTS:]}
            for rows in (x, y)
        )

    return tf.data.Dataset.range(steps).map(draw)


def network():
    return keras.Sequential(
        [
            keras.Input((1,)),
            layers.Dense(40, activation="relu"),
            layers.Dense(40, activation="relu"),
            layers.Dense(1),
        ]
    )


def error_after(test_steps, inner_steps, seed):
    """Mean squared error after adaptation to 500 new waves.

    Without inner steps in training the network is trained on all tasks
    together, and then fine-tuned.
    """
    keras.utils.set_random_seed(seed)
    maml = kt.meta.MAML(
        network(),
        inner_learning_rate=0.01,
        inner_steps=inner_steps,
        inner_steps_at_test=test_steps,
    )
    maml.compile(keras.optimizers.Adam(0.01), "mse", metrics=())
    maml.fit(sine_waves(STEPS, seed), verbose=0)
    scores = maml.evaluate_episodes(sine_waves(20, 77), 500, verbose=False)
    assert scores["none"].metric == "loss"
    return scores["none"].mean


@pytest.mark.slow
@pytest.mark.parametrize("test_steps, bar", [(1, 0.9), (10, 0.4)])
def test_adapted_waves_are_far_better_than_fine_tuned_ones(test_steps, bar):
    seed = 0
    error = error_after(test_steps, inner_steps=1, seed=seed)
    tuned = error_after(test_steps, inner_steps=0, seed=seed)
    assert error < bar
    assert error < tuned / 3
