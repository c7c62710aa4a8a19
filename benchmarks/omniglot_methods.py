"""How `omniglot.py` trains each method: networks, episodes, budgets.

Every method has one configuration. What had to be chosen was chosen without
the 172 characters that measure: see `omniglot.py --help`.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import omniglot_data

import keras_transfer as kt
from keras_transfer.cli.recipes.networks import conv4_maps


def all_statistics(trainer, episodes, number):
    """Scores by what batch norm uses for the queries."""
    return trainer.evaluate_episodes(episodes, number, verbose=False)


def showings(trainer, episodes, number):
    """Scores by how often a class has been shown."""
    scores = trainer.evaluate_showings(episodes, number, verbose=False)
    return {f"showing {showing}": score for showing, score in scores.items()}


@dataclasses.dataclass(frozen=True)
class Method:
    """One configuration.

    Attributes:
        create: From `(ways, shots)` of the test to a compiled trainer; the
            third argument is the number of steps.
        steps: How many batches of episodes train.
        tasks: Episodes in a batch of training.
        queries: Queries of a class in training.
        ways: In training; `None` for those of the test.
        shots: In training; `None` for those of the test.
        test_tasks: Episodes in a batch of the test, a matter of speed.
        epoch: Steps between two savings.
        example_map: What changes drawings in training.
        stages: Of training, one after the other: steps, and what is other in
            it. Instead of `steps`.
        features: From images `(rows, 28, 28, 1)` to what episodes are drawn
            of, computed once; `None` for the images.
        test_queries: Queries of a class in the test.
        scores: From a trainer and episodes to a dict of `EpisodeScores`.
    """

    create: Callable
    steps: int
    tasks: int = 1
    queries: int = 5
    ways: int | None = None
    shots: int | None = None
    test_tasks: int = 10
    epoch: int = 100
    example_map: Callable = omniglot_data.redrawn
    stages: tuple = ()
    features: Callable | None = None
    test_queries: int = 15
    scores: Callable = all_statistics


def conv4(width=64, last_relu=True):
    """Four times 3x3 convolution, batch norm, 2x2 max-pooling and ReLU."""
    inputs = keras.Input((28, 28, 1), name="image")
    x = conv4_maps(inputs, width, last_relu)
    features = keras.layers.Flatten(name="features")(x)
    return keras.Model(inputs, features, name="encoder")


def relation_maps(width=64):
    """The encoder of relation networks: maps of 5 by 5."""
    inputs = keras.Input((28, 28, 1), name="image")
    x = inputs
    for block in range(1, 5):
        x = keras.layers.Conv2D(
            width,
            3,
            padding="valid" if block < 3 else "same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"conv_{block}",
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=0.9, name=f"batch_norm_{block}"
        )(x)
        if block < 3:
            x = keras.layers.MaxPooling2D(name=f"pool_{block}")(x)
        x = keras.layers.ReLU(name=f"relu_{block}")(x)
    return keras.Model(inputs, x, name="encoder")


def adam(rate, steps):
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(rate, steps)
    )


def prototypical(ways, shots, steps):
    network = kt.meta.PrototypicalNetwork(conv4())
    network.compile(adam(2e-3, steps), jit_compile=False)
    return network


def matching(ways, shots, steps):
    # Cosines want features of both signs.
    network = kt.meta.MatchingNetwork(conv4(last_relu=False))
    network.compile(adam(2e-3, steps), jit_compile=False)
    return network


def relation(ways, shots, steps):
    network = kt.meta.RelationNetwork(relation_maps())
    network.compile(adam(1e-3, steps), jit_compile=False)
    return network


def strided4(ways, width=64):
    """Four 3x3 convolutions of stride 2 with batch norm, and a dense layer."""
    inputs = keras.Input((28, 28, 1), name="image")
    x = inputs
    for block in range(1, 5):
        x = keras.layers.Conv2D(
            width,
            3,
            strides=2,
            padding="same",
            use_bias=False,
            name=f"conv_{block}",
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=0.9, name=f"batch_norm_{block}"
        )(x)
        x = keras.layers.ReLU(name=f"relu_{block}")(x)
    x = keras.layers.Flatten(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(ways, name="head")(x))


def maml(ways, shots, steps, **settings):
    learner = kt.meta.MAML(
        strided4(ways), **{"inner_learning_rate": 0.4, **settings}
    )
    learner.compile(adam(2e-3, steps))
    return learner


def reptile(ways, shots, steps):
    # Three times the authors' rate: a fifth of their iterations has to do.
    learner = kt.meta.Reptile(strided4(ways), inner_learning_rate=3e-3)
    learner.compile()
    return learner


def shipped_features(images):
    """Features of the backbone that ships with the package."""
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), kt.zoo.load("omniglot_conv4")]
    )
    return model.predict(images, batch_size=500, verbose=0)


def memory(ways, shots, steps):
    encoder = keras.Sequential(
        [keras.Input((64,)), keras.layers.BatchNormalization(momentum=0.9)]
    )
    network = kt.meta.MemoryAugmentedNetwork(encoder, ways=ways)
    network.compile(keras.optimizers.Adam(2e-3))
    return network


_maml = functools.partial(Method, steps=10000, tasks=32, queries=5)

METHODS = {
    "prototypical": Method(prototypical, steps=5000, ways=60),
    "matching": Method(matching, steps=5000, ways=60),
    "relation": Method(relation, steps=15000, ways=20),
    "maml": _maml(maml),
    # Its gradient does not see the inner step: one large step teaches little.
    "fomaml": _maml(
        functools.partial(
            maml, first_order=True, inner_steps=5, inner_learning_rate=0.1
        )
    ),
    "anil": _maml(functools.partial(maml, adapt="head")),
    "meta_sgd": _maml(functools.partial(maml, learn_inner_rates="parameter")),
    # Sequences of 20 steps to begin with, then of the published 50.
    "memory": Method(
        memory,
        steps=3000,
        tasks=16,
        queries=9,
        stages=((1000, {"queries": 3}), (2000, {})),
        features=shipped_features,
        example_map=None,
        test_queries=9,
        scores=showings,
    ),
    "reptile": Method(
        reptile, steps=25000, tasks=5, queries=1, shots=10, epoch=250
    ),
}
