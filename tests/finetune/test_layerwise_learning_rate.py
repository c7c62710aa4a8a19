"""Updates that differ from layer to layer, whatever is inside and around."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_transfer.finetune.layerwise_learning_rate import (
    LayerwiseLearningRate,
)

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.3),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.1),
    "accumulating": lambda: keras.optimizers.Adam(
        0.1, gradient_accumulation_steps=2
    ),
}
EACH = pytest.mark.parametrize("name", OPTIMIZERS)


def _variables():
    return [
        keras.Variable([1.0, -2.0], name="low"),
        keras.Variable([[0.5], [3.0]], name="high"),
    ]


def _gradients(generator, steps=6):
    return [
        [
            generator.normal(size=shape).astype("float32")
            for shape in ((2,), (2, 1))
        ]
        for _ in range(steps)
    ]


def _model():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="tanh", name="low"),
            keras.layers.Dense(3, name="high"),
        ]
    )


def _data(generator):
    x = generator.normal(size=(16, 4)).astype("float32")
    return x, generator.normal(size=(16, 3)).astype("float32")


def _fit(model, data, **arguments):
    arguments = {"epochs": 2, "batch_size": 8, "shuffle": False, **arguments}
    return model.fit(*data, verbose=0, **arguments)


@EACH
def test_update_and_not_gradient_is_scaled(name, generator):
    """Step by step, from the same state, against the inner optimizer."""
    factors = {"low": 0.25, "high": 3.0}
    ours, plain = _variables(), _variables()
    wrapper = LayerwiseLearningRate(OPTIMIZERS[name](), multipliers=factors)
    inner = OPTIMIZERS[name]()
    moved = np.zeros(2)
    for gradients in _gradients(generator):
        before = [np.array(v) for v in ours]
        for variable, value in zip(plain, before, strict=True):
            variable.assign(value)
        wrapper.apply(gradients, ours)
        inner.apply(gradients, plain)
        for i, factor in enumerate(factors.values()):
            change = np.array(plain[i]) - before[i]
            np.testing.assert_allclose(
                np.array(ours[i]) - before[i], factor * change, atol=2e-6
            )
            moved[i] += np.abs(change).max()
    assert (moved > 0.05).all()


@EACH
def test_factors_of_one_change_nothing(name, generator):
    ours, plain = _variables(), _variables()
    wrapper = LayerwiseLearningRate(OPTIMIZERS[name](), decay=1.0)
    inner = OPTIMIZERS[name]()
    for gradients in _gradients(generator):
        wrapper.apply(gradients, ours)
        inner.apply(gradients, plain)
    for now, expected in zip(ours, plain, strict=True):
        np.testing.assert_array_equal(now, expected)
    assert int(wrapper.iterations) == int(inner.iterations)


def test_scaled_gradients_would_not_do():
    """Adam takes the same step for a gradient of any size."""
    variables = _variables()
    adam = keras.optimizers.Adam(0.1)
    adam.apply([np.full(2, 1e-3), np.ones((2, 1))], variables)
    np.testing.assert_allclose(variables[0], [0.9, -2.1], atol=1e-3)


@pytest.mark.parametrize("bad", [False, True])
def test_factor_zero_keeps_a_layer_as_it_is(bad):
    variables = _variables()
    before = np.array(variables[0])
    wrapper = LayerwiseLearningRate(
        keras.optimizers.AdamW(0.1), multipliers={"low": 0.0}
    )
    gradient = np.array([np.nan if bad else 1.0, 2.0], "float32")
    wrapper.apply([gradient, np.ones((2, 1), "float32")], variables)
    np.testing.assert_array_equal(variables[0], before)
    assert np.abs(np.array(variables[1]) - [[0.5], [3.0]]).min() > 0.05


def test_decay_by_the_order_of_the_variables(generator):
    wrapper = LayerwiseLearningRate("sgd", decay=0.5)
    model = _model()
    wrapper.build(model.trainable_variables)
    assert {
        path.split("/")[-2]: factor
        for path, factor in wrapper.factors().items()
    } == {"low": 0.5, "high": 1.0}


def test_names_of_a_model_hold_before_anything_is_built():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, name="a")], name="backbone"
    )
    inputs = keras.Input((4,))
    model = keras.Model(
        inputs, keras.layers.Dense(2, name="head")(inner(inputs))
    )
    wrapper = LayerwiseLearningRate(
        "sgd", multipliers={"backbone": 0.1}, model=model
    )
    assert sorted(wrapper.factors().values()) == [0.1, 0.1, 1.0, 1.0]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"jit_compile": True},
        {"steps_per_execution": 2},
        {"run_eagerly": True},
    ],
    ids=["graph", "xla", "steps", "eager"],
)
def test_fit_under_every_kind_of_step(generator, arguments):
    data = _data(generator)
    model, twin = _model(), _model()
    twin.set_weights(model.get_weights())
    # Without momentum or averages a rate for each layer is the same.
    wrapper = LayerwiseLearningRate(
        keras.optimizers.SGD(0.1), multipliers={"low": 0.0}
    )
    model.compile(wrapper, "mse", **arguments)
    twin.get_layer("low").trainable = False
    twin.compile(keras.optimizers.SGD(0.1), "mse")
    for one in (model, twin):
        _fit(one, data)
    for now, expected in zip(
        model.get_weights(), twin.get_weights(), strict=True
    ):
        np.testing.assert_allclose(now, expected, atol=1e-6)
    assert int(wrapper.iterations) == 4


def test_rates_of_schedules_and_callbacks():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1], [1.0, 0.0]
    )
    variables = _variables()
    wrapper = LayerwiseLearningRate(
        keras.optimizers.SGD(schedule), multipliers={"low": 0.5}
    )
    gradients = [np.ones(2, "float32"), np.ones((2, 1), "float32")]
    for _ in range(4):
        wrapper.apply(gradients, variables)
    np.testing.assert_allclose(variables[0], [0.0, -3.0])
    assert float(wrapper.learning_rate) == 0.0
    settable = LayerwiseLearningRate(keras.optimizers.SGD(0.5), decay=0.5)
    settable.learning_rate = 0.25
    assert float(settable.optimizer.learning_rate) == 0.25


def test_reduce_on_plateau_reaches_the_rate(generator):
    model = _model()
    model.compile(LayerwiseLearningRate(keras.optimizers.SGD(0.5), 0.5), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.1, patience=1, min_delta=1e9
    )
    _fit(model, _data(generator), callbacks=[callback], epochs=2)
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 0.05)


def _ema_steps(optimizer, generator):
    variables = _variables()
    for gradients in _gradients(generator):
        optimizer.apply(gradients, variables)
    averages = [np.array(v) for v in optimizer._model_variables_moving_average]
    optimizer.finalize_variable_values(variables)
    return averages, [np.array(v) for v in variables]


@pytest.mark.parametrize("frequency", [None, 2])
def test_averages_are_of_the_values_that_were_taken(frequency):
    def sgd(rate):
        return keras.optimizers.SGD(
            rate,
            use_ema=True,
            ema_momentum=0.7,
            ema_overwrite_frequency=frequency,
        )

    for factor in (1.0, 0.5):
        wrapper = LayerwiseLearningRate(
            sgd(0.1), multipliers={"low": factor, "high": factor}
        )
        # For plain SGD it is a smaller rate.
        found = _ema_steps(wrapper, np.random.default_rng(0))
        expected = _ema_steps(sgd(0.1 * factor), np.random.default_rng(0))
        for now, then in zip(sum(found, []), sum(expected, []), strict=True):
            np.testing.assert_allclose(now, then, atol=1e-6)


def test_swapping_averages_works(generator):
    model = _model()
    adam = keras.optimizers.Adam(0.01, use_ema=True)
    model.compile(LayerwiseLearningRate(adam, 0.5), "mse")
    swap = keras.callbacks.SwapEMAWeights()
    _fit(model, _data(generator), callbacks=[swap])
    assert np.isfinite(model.get_weights()[0]).all()


def test_constraints_hold_after_scaling():
    variable = keras.Variable([3.0, 4.0], name="low")
    variable.constraint = keras.constraints.MaxNorm(5.0)
    wrapper = LayerwiseLearningRate(
        keras.optimizers.SGD(1.0), multipliers={"low": 2.0}
    )
    wrapper.apply([np.array([-3.0, -4.0], "float32")], [variable])
    assert np.linalg.norm(np.array(variable)) <= 5.0 + 1e-5


def test_mixed_precision_scales_the_loss_outside(generator):
    keras.config.set_dtype_policy("mixed_float16")
    model = _model()
    wrapper = LayerwiseLearningRate("adam", multipliers={"low": 0.0})
    model.compile(wrapper, "mse")
    assert model.optimizer.inner_optimizer is wrapper
    before = model.get_weights()
    _fit(model, _data(generator))
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[2] - after[2]).max() > 0


def test_sparse_gradients(generator):
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="int32"),
            keras.layers.Embedding(5, 3, name="table"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, name="head"),
        ]
    )
    wrapper = LayerwiseLearningRate(
        keras.optimizers.SGD(1.0), multipliers={"table": 0.5}
    )
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    x, y = np.array([[0, 1]]), np.array([[1.0]])
    model.compile(wrapper, "mse")
    twin.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(x, y, verbose=0)
    twin.fit(x, y, verbose=0)
    now, then = model.get_weights()[0], twin.get_weights()[0]
    np.testing.assert_allclose(now, then, atol=1e-6)


def test_a_file_holds_the_factors_and_the_state(generator, tmp_path):
    data = _data(generator)
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, name="a")], name="backbone"
    )
    inputs = keras.Input((4,))
    model = keras.Model(
        inputs, keras.layers.Dense(3, name="head")(inner(inputs))
    )
    model.compile(
        LayerwiseLearningRate(
            "adam", multipliers={"backbone": 0.01}, model=model
        ),
        "mse",
    )
    _fit(model, data)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        _fit(one, data)
    for now, expected in zip(
        loaded.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(now, expected)
    # Paths change in a file; the factors do not.
    assert sorted(loaded.optimizer._factors) == [0.01, 0.01, 1.0, 1.0]


class Stop(keras.callbacks.Callback):
    """Dies in the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise RuntimeError("killed")


@pytest.mark.slow
def test_a_killed_run_resumes(generator, tmp_path):
    data = _data(generator)

    def start(*callbacks):
        keras.utils.set_random_seed(0)
        model = _model()
        model.compile(LayerwiseLearningRate("adam", decay=0.5), "mse")
        _fit(model, data, callbacks=list(callbacks), epochs=4)
        return model.get_weights()

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    whole = start()
    with pytest.raises(RuntimeError, match="killed"):
        start(backup(), Stop())
    for now, expected in zip(start(backup()), whole, strict=True):
        np.testing.assert_array_equal(now, expected)


def test_config_round_trip():
    wrapper = LayerwiseLearningRate(
        keras.optimizers.SGD(0.1, use_ema=True, loss_scale_factor=8.0),
        decay=0.5,
        multipliers={"low*": 0.1},
        layers=["low", ["high"]],
        name="other",
    )
    serialized = keras.saving.serialize_keras_object(wrapper)
    copy = keras.saving.deserialize_keras_object(serialized)
    assert copy.get_config() == wrapper.get_config()
    assert copy.optimizer.use_ema is False
    assert copy.use_ema
    assert copy.loss_scale_factor == 8.0
    inner = copy.get_config()["optimizer"]["config"]
    assert inner["use_ema"]
    assert inner["loss_scale_factor"] == 8.0


ON_DEVICES = """
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_transfer.finetune.layerwise_learning_rate import (
    LayerwiseLearningRate,
)

(cpu,) = tf.config.list_physical_devices("CPU")
count = int(sys.argv[1])
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * count
)
strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
y = x[:, :2]


def weights(wrap):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(4, name="low"),
            keras.layers.Dense(2, name="high"),
        ]
    )
    rate = LayerwiseLearningRate(
        keras.optimizers.Adam(0.1), multipliers={"low": 0.3}
    )
    model.compile(rate, "mse")
    model.fit(x, y, batch_size=8, shuffle=False, epochs=2, verbose=0)
    return model.get_weights()


expected = weights(False)
with strategy.scope():
    found = weights(True)
for now, then in zip(found, expected):
    np.testing.assert_allclose(now, then, atol=1e-4)
"""


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_several_devices_give_what_one_does(devices):
    run = subprocess.run(
        [sys.executable, "-c", ON_DEVICES, str(devices)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "decay=.*multipliers="),
        ({"decay": 0}, "`decay`"),
        ({"decay": "low"}, "`decay`"),
        ({"multipliers": {"low": -1.0}}, "multipliers"),
    ],
    ids=["neither", "zero", "text", "negative"],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LayerwiseLearningRate("sgd", **arguments)


def test_names_that_match_nothing_are_refused():
    with pytest.raises(ValueError, match="`multipliers`.*low"):
        LayerwiseLearningRate("sgd", multipliers={"lwo": 0.1}, model=_model())
    wrapper = LayerwiseLearningRate("sgd", multipliers={"lwo": 0.1})
    with pytest.raises(ValueError, match="`multipliers`"):
        wrapper.build(_model().trainable_variables)
