"""The optimizer's state for a grown model."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.layerwise_learning_rate import (
    LayerwiseLearningRate,
)
from keras_transfer.finetune.morphism.deepen import deepen
from keras_transfer.finetune.morphism.grow_kernel import grow_kernel
from keras_transfer.finetune.morphism.widen import widen
from tests.finetune.morphism import architectures

RATE = 1e-6

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(RATE, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(RATE, amsgrad=True),
    "adamax": lambda: keras.optimizers.Adamax(RATE),
    "rmsprop": lambda: keras.optimizers.RMSprop(
        RATE, momentum=0.9, centered=True
    ),
    "adagrad": lambda: keras.optimizers.Adagrad(
        RATE, initial_accumulator_value=0.0
    ),
    "adadelta": lambda: keras.optimizers.Adadelta(RATE, epsilon=1e-12),
    "lion": lambda: keras.optimizers.Lion(RATE),
    "average": lambda: keras.optimizers.Nadam(RATE, use_ema=True),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(RATE), initial_scale=4.0
    ),
}


def trained(model, optimizer, steps=3):
    model.compile(optimizer, "mse", run_eagerly=True)
    x = architectures.inputs_of(model, 6)
    for _ in range(steps):
        model.train_on_batch(x, x[:, :3] ** 2)
    return model


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_what_it_would_be_had_the_units_been_there(name):
    """Widened and then trained, or trained and then widened."""
    first = widen(architectures.plain_perceptron(), "hidden", 9, noise=0.0)
    first = trained(first, OPTIMIZERS[name]()).optimizer
    then = trained(architectures.plain_perceptron(), OPTIMIZERS[name]())
    then = widen(then, "hidden", 9, noise=0.0, carry_optimizer=True).optimizer
    assert len(first.variables) == len(then.variables) > 2
    for one, other in zip(first.variables, then.variables, strict=True):
        expected = np.asarray(one, "float64")
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            other, expected, atol=0.02 * largest, err_msg=one.name
        )
        assert largest > 0 or len(one.shape) == 0


def test_training_goes_on_as_before_where_nothing_changed():
    model = trained(architectures.plain_perceptron(), "adam")
    model.optimizer.learning_rate = 0.02
    deeper = deepen(model, "hidden", carry_optimizer=True)
    assert float(deeper.optimizer.learning_rate) == pytest.approx(0.02)
    assert int(deeper.optimizer.iterations) == 3
    old = {v.name: np.asarray(v) for v in model.optimizer.variables}
    new = {v.name: np.asarray(v) for v in deeper.optimizer.variables}
    assert set(old) < set(new)
    for name, value in old.items():
        np.testing.assert_array_equal(new[name], value)
    for name in set(new) - set(old):
        assert "deepened" in name
        np.testing.assert_array_equal(new[name], 0)


def test_means_of_new_weights_begin_at_the_weights():
    model = architectures.plain_perceptron()
    trained(model, keras.optimizers.SGD(0.01, use_ema=True))
    deeper = deepen(model, "hidden", carry_optimizer=True)
    (mean,) = [
        v
        for v in deeper.optimizer.variables
        if "deepened_kernel" in v.name and v.name.endswith("average")
    ]
    np.testing.assert_array_equal(mean, np.eye(5))


def test_loss_metrics_and_state_go_on_in_fit():
    model = architectures.conv_net()
    model.compile("adam", "mse", metrics=["mae"])
    x = architectures.inputs_of(model, 4)
    model.fit(x, np.ones((4, 3)), verbose=0)
    grown = grow_kernel(model, "conv_1", 5, carry_optimizer=True)
    history = grown.fit(x, np.ones((4, 3)), verbose=0).history
    assert set(history) == {"loss", "mae"}
    assert int(grown.optimizer.iterations) == 2


def test_an_optimizer_that_was_not_used_has_no_state():
    model = architectures.plain_perceptron()
    model.compile("adam", "mse")
    wider = widen(model, "hidden", 8, carry_optimizer=True)
    assert int(wider.optimizer.iterations) == 0
    assert wider.loss == "mse"


def test_adafactor_begins_anew_for_what_is_widened():
    model = trained(architectures.perceptron(), keras.optimizers.Adafactor())
    wider = widen(model, "first", 8, carry_optimizer=True)
    old = {v.name: np.asarray(v) for v in model.optimizer.variables}
    for slot in wider.optimizer.variables:
        if "head" in slot.name:
            np.testing.assert_array_equal(slot, old[slot.name])
        if "first_kernel" in slot.name:
            assert slot.shape == (4, 8)
    trained(wider, wider.optimizer, steps=1)


def test_ftrl_is_refused():
    model = trained(architectures.plain_perceptron(), "ftrl")
    with pytest.raises(ValueError, match="`carry_optimizer`.*Ftrl"):
        widen(model, "hidden", 8, carry_optimizer=True)


def test_a_model_without_optimizer_is_refused():
    with pytest.raises(ValueError, match="`carry_optimizer`.*not compiled"):
        widen(
            architectures.plain_perceptron(), "hidden", 8, carry_optimizer=True
        )


def test_what_cannot_be_compiled_again_is_refused():
    model = architectures.plain_perceptron()
    model.compile("adam", lambda y, answer: keras.ops.mean(y - answer))
    with pytest.raises(ValueError, match="cannot be copied.*lambda"):
        widen(model, "hidden", 8, carry_optimizer=True)

    class OwnCompile(keras.Model):
        def compile(self, rate):
            super().compile(keras.optimizers.SGD(rate), "mse")

    model = OwnCompile(model.inputs[0], model.outputs[0])
    model.compile(0.1)
    with pytest.raises(ValueError, match="`compile` of its own"):
        widen(model, "hidden", 8, carry_optimizer=True)


def test_an_optimizer_that_wraps_another():
    optimizer = LayerwiseLearningRate(
        keras.optimizers.RMSprop(RATE, momentum=0.9), decay=0.5
    )
    model = trained(architectures.plain_perceptron(), optimizer)
    wider = widen(model, "hidden", 9, noise=0.0, carry_optimizer=True)
    new = {v.name: np.asarray(v) for v in wider.optimizer.variables}
    assert int(wider.optimizer.iterations) == 3
    for slot in model.optimizer.variables:
        if slot.name.endswith("hidden_kernel_momentum"):
            # It has been divided by the size of the gradient already.
            copies = new[slot.name]
            np.testing.assert_array_equal(copies[:, :5], slot)
            assert np.abs(copies).min() > 0
            return
    pytest.fail("no such slot")
