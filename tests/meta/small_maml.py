"""A small network for `small_episodes`, and MAML of it."""

import keras
import numpy as np
from keras import layers

import keras_transfer as kt
from keras_transfer.meta.meta_gradient import MetaGradient
from tests.meta import small_episodes as small

WAYS = 3


def network(dropout=0.0, batch_norm=False, **arguments):
    """A nested model; the arguments are those of its last layer."""
    body = small.encoder(dropout, batch_norm)
    inputs = keras.Input((small.WIDTH,))
    x = layers.Activation("tanh")(body(inputs))
    return keras.Model(inputs, layers.Dense(WAYS, **arguments)(x))


def new_maml(model=None, optimizer=None, **arguments):
    """A compiled `MAML`."""
    maml = kt.meta.MAML(model or network(), **arguments)
    maml.compile(optimizer or keras.optimizers.SGD(0.1))
    return maml


def batch(data=None):
    """The first batch of episodes."""
    return next(iter(data or small.episodes()))


def one_task(x, y, task):
    """A batch of one of the tasks of a batch."""
    return tuple(
        {part: rows[task : task + 1] for part, rows in both.items()}
        for both in (x, y)
    )


def result(maml, x, y, **arguments):
    """What the tasks teach, computed eagerly."""
    gradient = MetaGradient(
        maml.inner_loop(),
        maml.trainable_variables,
        maml.state_variables(),
        maml.statistics,
        maml.inner_steps,
        scale_loss=lambda loss: loss,
        parallel=1,
    )
    return gradient.of_tasks(x, y, maml.first_order, **arguments)


def assert_same_weights(one, other, **tolerance):
    """Compares all weights, seeds among them; exactly by default."""
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(
            np.array(a), np.array(b), **{"rtol": 0, **tolerance}
        )
