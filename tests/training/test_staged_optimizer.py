"""One count of steps and one state for each group."""

import keras
import numpy as np
import pytest

from keras_transfer.schedules.slanted_triangular import SlantedTriangular
from keras_transfer.training.staged_optimizer import StagedOptimizer

KINDS = {
    "adam": lambda: keras.optimizers.Adam(0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.05),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.1),
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def _variables(count=2):
    values = np.linspace(-1.0, 1.0, 3 * count).reshape(count, 3)
    return [
        keras.Variable(row.astype("float32"), name=f"v{i}")
        for i, row in enumerate(values)
    ]


def _gradients(generator, count, steps):
    return generator.normal(size=(steps, count, 3)).astype("float32")


def _staged(optimizer, variables):
    staged = StagedOptimizer(optimizer, [[v.path] for v in variables])
    staged.build(variables)
    return staged


@EACH_KIND
def test_a_group_that_joins_later_learns_as_with_a_new_optimizer(
    kind, generator
):
    variables, alone = _variables(), _variables()
    gradients = _gradients(generator, 2, 9)
    staged = _staged(KINDS[kind](), variables)
    first, late = KINDS[kind](), KINDS[kind]()
    for step, (g0, g1) in enumerate(gradients):
        if step < 5:
            staged.apply([g0], variables[:1])
        else:
            staged.apply([g0, g1], variables)
            late.apply([g1], alone[1:])
        first.apply([g0], alone[:1])
        # Each and every update, not only the first.
        for now, expected in zip(variables, alone, strict=True):
            np.testing.assert_allclose(now, expected, atol=1e-6)
    assert np.abs(np.array(variables[1]) - np.array(_variables()[1])).min() > 0


def test_plain_adam_makes_too_large_a_first_step():
    """What the staged optimizer is for: 0.1 / sqrt(0.001) times."""
    variables = _variables()
    gradient = np.ones(3, "float32")
    adam = keras.optimizers.Adam(0.1)
    adam.build(variables)
    adam.iterations.assign(6000)
    before = np.array(variables[1])
    adam.apply([gradient], variables[1:])
    np.testing.assert_allclose(before - variables[1], 0.316, atol=1e-3)


def test_one_learning_rate_for_all_groups(generator):
    variables = _variables()
    staged = _staged(keras.optimizers.SGD(0.5), variables)
    staged.learning_rate = 0.25
    before = [np.array(v) for v in variables]
    gradients = _gradients(generator, 2, 1)[0]
    staged.apply(list(gradients), variables)
    for variable, value, gradient in zip(
        variables, before, gradients, strict=True
    ):
        np.testing.assert_allclose(variable, value - 0.25 * gradient, atol=1e-6)
    assert float(staged.learning_rate) == 0.25


def test_schedules_follow_the_whole_training():
    schedule = SlantedTriangular(1.0, total_steps=20, ratio=10)
    variables = _variables()
    staged = _staged(keras.optimizers.SGD(schedule), variables)
    gradient = np.ones(3, "float32")
    for _ in range(7):
        staged.apply([gradient], variables[:1])
    before = np.array(variables[1])
    staged.apply([gradient, gradient], variables)
    np.testing.assert_allclose(
        before - variables[1], float(schedule(7)), rtol=1e-5
    )
    assert int(staged.iterations) == 8


def test_settings_survive_a_config():
    staged = _staged(
        keras.optimizers.AdamW(0.1, weight_decay=0.2, clipnorm=1.0),
        _variables(),
    )
    staged.learning_rate = 0.05
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(staged)
    )
    assert copy.get_config() == staged.get_config()
    np.testing.assert_allclose(float(copy.learning_rate), 0.05)
    assert copy.parts()[1].weight_decay == 0.2


def test_groups_that_never_learnt_need_no_state_in_a_file():
    """A model that is loaded in the first stage builds the first group."""
    variables = _variables()
    gradient = np.ones(3, "float32")
    staged = _staged(keras.optimizers.Adam(0.1), variables)
    staged.apply([gradient], variables[:1])
    store = {}
    staged.save_own_variables(store)
    values = [np.array(v) for v in variables]
    loaded = StagedOptimizer.from_config(staged.get_config())
    loaded.build(variables[:1])
    loaded.load_own_variables(store)
    loaded.build(variables)  # the second joins
    results = []
    for optimizer in (staged, loaded):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        optimizer.apply([2 * gradient, gradient], variables)
        results.append([np.array(v) for v in variables])
    np.testing.assert_array_equal(*results)


def test_a_group_cannot_grow():
    variables = _variables(3)
    staged = StagedOptimizer(keras.optimizers.Adam(), [["v0"], ["v1", "v2"]])
    staged.build(variables[:2])
    with pytest.raises(ValueError, match="Compile the model again"):
        staged.build(variables)


def test_averages_are_put_in_place_where_there_are_some():
    variables = _variables()
    adam = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    staged = _staged(adam, variables)
    gradient = np.ones(3, "float32")
    start = [np.array(v) for v in variables]
    staged.apply([gradient], variables[:1])
    staged.apply([gradient], variables[:1])
    staged.finalize_variable_values(variables)
    # Values -1 and -2, averaged: the first step begins the average.
    np.testing.assert_allclose(variables[0], start[0] - 1.5, atol=1e-6)
    np.testing.assert_allclose(variables[1], start[1])
