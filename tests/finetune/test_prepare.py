"""The usual case in one call."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.prepare import prepare

L = keras.layers


def _pretrained():
    inputs = keras.Input((4,))
    x = L.Dense(6, activation="tanh", name="low")(inputs)
    x = L.BatchNormalization(name="norm")(x)
    x = L.Dense(6, activation="tanh", name="high")(x)
    return keras.Model(inputs, L.Dense(10, activation="softmax", name="old")(x))


@pytest.fixture
def data(generator):
    y = np.arange(30) % 3
    x = generator.normal(size=(30, 4)) + 2 * np.eye(4)[y]
    return x.astype("float32"), y


def _moved(model, data, **arguments):
    before = model.get_weights()
    arguments = {"batch_size": 10, "verbose": 0, **arguments}
    history = model.fit(*data, **arguments).history
    moved = {
        weight.path
        for weight, old, now in zip(
            model.weights, before, model.get_weights(), strict=True
        )
        if not np.array_equal(old, now)
    }
    return history, moved


def test_a_second_stage_keeps_the_head(data):
    first, _ = prepare(_pretrained(), 3, "head")
    first.fit(*data, verbose=0)
    second, callbacks = prepare(first, None, "full")
    for old, now in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    _, moved = _moved(second, data, callbacks=callbacks)
    assert moved == HEAD | REST


def test_a_head_that_is_not_there_cannot_be_kept():
    with pytest.raises(ValueError, match="head"):
        prepare(_pretrained(), None, "full")


HEAD = {"head/kernel", "head/bias"}
REST = {"low/kernel", "low/bias", "high/kernel", "high/bias"}


@pytest.mark.parametrize(
    ("strategy", "epochs", "expected"),
    [
        ("head", 1, HEAD),
        ("full", 1, HEAD | REST),
        ("gradual", 1, HEAD),
        ("gradual", 2, HEAD | {"high/kernel", "high/bias"}),
        ("gradual", 3, HEAD | REST),
    ],
)
def test_what_learns(data, strategy, epochs, expected):
    model, callbacks = prepare(_pretrained(), 3, strategy)
    history, moved = _moved(model, data, epochs=epochs, callbacks=callbacks)
    # Batch norm is in none of them.
    assert moved == expected
    assert set(history) == {"loss", "accuracy"}


@pytest.mark.parametrize(
    "strategy",
    [
        "head",
        "full",
        pytest.param("gradual", marks=pytest.mark.slow),
    ],
)
def test_classes_are_learnt(data, strategy):
    model, callbacks = prepare(_pretrained(), 3, strategy, learning_rate=0.02)
    model.fit(*data, epochs=40, batch_size=30, callbacks=callbacks, verbose=0)
    assert model.evaluate(*data, verbose=0, return_dict=True)["accuracy"] > 0.6


def test_the_pretrained_model_stays(data):
    pretrained = _pretrained()
    before = pretrained.get_weights()
    flags = [w.trainable for w in pretrained.weights]
    model, callbacks = prepare(pretrained, 3, "full")
    _moved(model, data, callbacks=callbacks)
    for old, now in zip(before, pretrained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert [w.trainable for w in pretrained.weights] == flags


def test_a_frozen_source_is_woken_up(data):
    pretrained = _pretrained()
    pretrained.trainable = False
    model, _ = prepare(pretrained, 3, "full")
    assert _moved(model, data)[1] == HEAD | REST


def test_pretrained_layers_learn_more_slowly():
    model, _ = prepare(_pretrained(), 3, "full", learning_rate=0.5)
    factors = model.optimizer.factors()
    assert factors["head/kernel"] == 1.0
    assert {factors[path] for path in REST} == {0.1}
    assert float(model.optimizer.learning_rate) == 0.5


def test_gradual_makes_no_state_twice(data):
    model, callbacks = prepare(_pretrained(), 3, "gradual")
    count = len(model.optimizer.variables)
    _moved(model, data, callbacks=callbacks)
    assert len(model.optimizer.variables) == count


def test_schedules_are_rates(data):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    for strategy in ("full", "gradual"):
        model, callbacks = prepare(
            _pretrained(), 3, strategy, learning_rate=schedule
        )
        _moved(model, data, callbacks=callbacks)
        np.testing.assert_allclose(
            float(model.optimizer.learning_rate), float(schedule(3)), rtol=1e-5
        )


def test_adapters_need_a_layer_to_go_into():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.BatchNormalization()]
    )
    with pytest.raises(ValueError, match="no dense or convolutional layer"):
        prepare(model, 3, "lora")


def test_adapters_learn_and_the_rest_does_not(data):
    model, callbacks = prepare(_pretrained(), 3, "lora")
    names = [w.path for w in model.trainable_weights]
    assert sum("head" in name for name in names) == 2
    assert len(names) == 6  # two matrices at each of the other layers
    _, moved = _moved(model, data, callbacks=callbacks, epochs=2)
    assert moved == set(names)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"strategy": "heads"}, "strategy"),
        ({"num_classes": 0}, "num_classes"),
        ({"num_classes": True}, "num_classes"),
        ({"features": "hihg"}, "features"),
    ],
    ids=["strategy", "zero", "bool", "features"],
)
def test_wrong_arguments_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        prepare(_pretrained(), **{"num_classes": 3, **arguments})
