"""MAML as a trainer: what it equals, how it runs, what it refuses.

That its gradients are right is shown in test_meta_gradient.py.
"""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_transfer as kt
from tests.meta import small_episodes as small
from tests.meta import small_models
from tests.meta.small_maml import WAYS
from tests.meta.small_maml import assert_same_weights
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml
from tests.meta.small_maml import one_task
from tests.meta.small_maml import result

# === What it equals ===


def test_without_inner_steps_it_is_plain_training_on_the_queries():
    model, plain = network(), network()
    plain.set_weights(model.get_weights())
    new_maml(model, inner_steps=0).fit(small.episodes(), verbose=0)
    plain.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for x, y in small.episodes():
        plain.train_on_batch(
            tf.reshape(x["query"], (-1, small.WIDTH)),
            tf.reshape(y["query"], (-1,)),
        )
    assert_same_weights(model, plain, atol=1e-6)


def test_a_step_is_the_optimizer_on_the_mean_gradient():
    """Regularization counts once, and not in the inner loop."""
    model = network(kernel_regularizer=keras.regularizers.L2(0.1))
    plain = network()
    plain.set_weights(model.get_weights())
    x, y = batch()
    gradients = result(new_maml(plain), x, y).gradients
    expected = [
        variable - 0.1 * gradient
        for variable, gradient in zip(
            plain.trainable_variables, gradients, strict=True
        )
    ]
    expected[-2] -= 0.1 * 0.2 * plain.trainable_variables[-2]
    maml = new_maml(model)
    logs = maml.train_on_batch(x, y, return_dict=True)
    for variable, value in zip(
        model.trainable_variables, expected, strict=True
    ):
        np.testing.assert_allclose(variable, value, atol=1e-6)
    cost = 0.1 * np.sum(np.square(plain.trainable_variables[-2]))
    loss = result(new_maml(plain), x, y).loss
    np.testing.assert_allclose(logs["loss"], loss + cost, rtol=1e-5)


def test_losses_of_layers_count_once():
    inputs = keras.Input((small.WIDTH,))
    active = layers.Dense(WAYS, activity_regularizer=keras.regularizers.L2(1.0))
    model = keras.Model(inputs, active(inputs))
    silent = keras.Model(inputs, layers.Dense(WAYS)(inputs))
    silent.set_weights(model.get_weights())
    x, y = batch()
    found = result(new_maml(model), x, y)
    plain = result(new_maml(silent), x, y)
    np.testing.assert_allclose(found.outputs, plain.outputs, atol=1e-6)
    # Keras divides what an activity costs by the rows.
    cost = (
        np.sum(np.square(plain.outputs))
        / plain.outputs[..., 0].shape.num_elements()
    )
    np.testing.assert_allclose(found.loss, plain.loss + cost, rtol=1e-5)


def test_moving_statistics_move_by_the_mean_over_tasks():
    x, y = batch()
    maml = new_maml(network(batch_norm=True))
    together = result(maml, x, y).state
    alone = [result(maml, *one_task(x, y, task)).state for task in range(2)]
    for mean, *values in zip(together, *alone, strict=True):
        np.testing.assert_allclose(mean, np.mean(values, 0), rtol=1e-5)
    maml.train_on_batch(x, y)
    for variable, value in zip(maml.state_variables(), together, strict=True):
        np.testing.assert_allclose(variable, value, rtol=1e-5)


def test_moving_statistics_move_where_queries_use_them():
    """By the passes of the support; or they would stay as at the start."""
    x, y = batch()
    model = network(batch_norm=True)
    maml = new_maml(model, statistics="moving")
    norm = next(
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, layers.BatchNormalization)
    )
    before = np.array(norm.moving_mean)
    means = [
        np.mean(rows @ model.get_weights()[0] + model.get_weights()[1], 0)
        for rows in x["support"].numpy()
    ]
    maml.train_on_batch(x, y)
    expected = 0.9 * before + 0.1 * np.mean(means, 0)
    np.testing.assert_allclose(norm.moving_mean, expected, atol=1e-5)


@pytest.mark.parametrize("statistics", ["transductive", "support_plus_one"])
def test_frozen_weights_keep_every_bit(statistics):
    """The mean of seven equal numbers is not always that number."""
    model = network()
    body = model.layers[1]
    body.trainable = False
    before = [np.array(w) for w in body.weights]
    maml = new_maml(model, statistics=statistics)
    maml.fit(small.episodes(tasks=7), verbose=0)
    for old, weight in zip(before, body.weights, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_clipping_is_the_optimizers():
    x, y = batch()
    steps = []
    for clip in (None, 1e-3):
        keras.utils.set_random_seed(0)
        model = network()
        before = model.get_weights()
        optimizer = keras.optimizers.SGD(1.0, global_clipnorm=clip)
        new_maml(model, optimizer).train_on_batch(x, y)
        steps.append(
            np.concatenate(
                [
                    np.ravel(a - b)
                    for a, b in zip(before, model.get_weights(), strict=True)
                ]
            )
        )
    free, clipped = steps
    np.testing.assert_allclose(np.linalg.norm(clipped), 1e-3, rtol=1e-4)
    cosine = free @ clipped / np.linalg.norm(free) / np.linalg.norm(clipped)
    assert cosine > 0.9999


# === Dropout ===


class Seen(layers.Layer):
    """Keeps what passes through it, in eager mode."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.values = []

    def call(self, inputs):
        self.values.append(np.array(inputs))
        return inputs

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, inputs.dtype)


def test_each_task_and_step_drops_other_units():
    inputs = keras.Input((small.WIDTH,))
    seen = Seen()
    # A layer of ones, so that what is left is the mask.
    ones = layers.Dense(40, kernel_initializer="zeros", bias_initializer="ones")
    x = seen(layers.Dropout(0.5, seed=1)(ones(inputs)))
    model = keras.Model(inputs, layers.Dense(WAYS)(x))
    seen.values.clear()
    maml = kt.meta.MAML(model, inner_steps=2, adapt="head")
    maml.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    for _ in range(2):
        maml.train_on_batch(*batch())
    masks = [values[0] > 0 for values in seen.values]
    # Two steps of training, two tasks, two inner steps and the queries.
    assert len(masks) == 12
    distinct = {mask.tobytes() for mask in masks}
    assert len(distinct) == 12
    seen.values.clear()
    maml.test_on_batch(*batch())
    assert all((values > 0).all() for values in seen.values)


# === Ways to run ===


def _trained(parallel_tasks=8, **arguments):
    keras.utils.set_random_seed(0)
    maml = kt.meta.MAML(
        network(0.3, batch_norm=True), parallel_tasks=parallel_tasks
    )
    maml.compile(keras.optimizers.SGD(0.1), **arguments)
    maml.fit(small.episodes(steps_per_epoch=4), epochs=2, verbose=0)
    return maml


@pytest.fixture(scope="module")
def as_usual():
    return _trained()


@pytest.mark.parametrize(
    "arguments", [{"run_eagerly": True}, {"steps_per_execution": 2}]
)
def test_ways_to_run(as_usual, arguments):
    assert_same_weights(as_usual, _trained(**arguments), atol=1e-5)


def test_tasks_at_a_time_change_nothing(as_usual):
    assert_same_weights(as_usual, _trained(parallel_tasks=1))


def test_nothing_is_traced_twice():
    maml = new_maml(
        inner_steps=2,
        options=[
            kt.meta.MultiStepLoss(1),
            kt.meta.DerivativeOrderAnnealing(2),
        ],
    )
    traces = []
    original = maml.inner_loop
    maml.__dict__["inner_loop"] = lambda: traces.append(1) or original()
    maml.fit(small.episodes(), epochs=1, verbose=0)
    first = len(traces)
    maml.fit(small.episodes(), initial_epoch=1, epochs=4, verbose=0)
    assert len(traces) == first


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.utils.set_random_seed(0)
    expected = result(new_maml(network(batch_norm=True)), *batch())
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(0)
    maml = new_maml(network(batch_norm=True), keras.optimizers.Adam(0.01))
    found = result(maml, *batch())
    flat = [
        np.concatenate([np.ravel(g) for g in one.gradients])
        for one in (expected, found)
    ]
    cosine = flat[0] @ flat[1] / np.linalg.norm(flat[0])
    assert cosine / np.linalg.norm(flat[1]) > 0.98
    before = maml.model.get_weights()
    maml.fit(small.episodes(), verbose=0)
    is_half = "float16" in policy and "b" not in policy
    assert is_half == isinstance(
        maml.optimizer, keras.optimizers.LossScaleOptimizer
    )
    for one, other in zip(before, maml.model.get_weights(), strict=True):
        assert np.isfinite(other).all() and not np.array_equal(one, other)


@pytest.mark.slow
def test_two_replicas():
    """In a process of its own: devices are fixed once TensorFlow runs."""
    run = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


TWO_REPLICAS = """
import keras
import numpy as np
import tensorflow as tf

device = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(device, halves)

import keras_transfer as kt
from tests.meta import small_episodes as small
from tests.meta.small_maml import assert_same_weights, network


def trained():
    keras.utils.set_random_seed(0)
    model = network(0.3, batch_norm=True, kernel_regularizer="l2")
    maml = kt.meta.MAML(model, learn_inner_rates="shared")
    maml.compile(keras.optimizers.SGD(0.1))
    history = maml.fit(small.episodes(), epochs=2, verbose=0).history
    maml.evaluate(small.episodes(), verbose=0)
    return maml, history["loss"]


strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    both, losses = trained()
one, expected = trained()
# Seeds of dropout, moving statistics and all.
assert_same_weights(one, both, atol=1e-5)
np.testing.assert_allclose(losses, expected, atol=1e-4)
"""


# === Resuming and saving ===


class _Cut(Exception):
    """The power cut."""


class CutBefore(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise _Cut


def _with_everything():
    maml = new_maml(
        network(0.3, batch_norm=True),
        inner_steps=2,
        learn_inner_rates="layer_and_step",
        options=[
            kt.meta.MultiStepLoss(3),
            kt.meta.DerivativeOrderAnnealing(1),
            kt.meta.PerStepBatchNorm(),
        ],
    )
    # Four graphs of two steps would take long to trace.
    maml.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    return maml


def test_resumed_run_ends_as_an_unbroken_one(tmp_path):
    def fit(maml, *callbacks):
        maml.fit(small.episodes(), epochs=4, verbose=0, callbacks=callbacks)
        return maml

    keras.utils.set_random_seed(0)
    unbroken = fit(_with_everything())
    keras.utils.set_random_seed(0)
    backup = keras.callbacks.BackupAndRestore(str(tmp_path))
    with pytest.raises(_Cut):
        fit(_with_everything(), backup, CutBefore(2))
    keras.utils.set_random_seed(99)  # a new process knows nothing of the old
    backup = keras.callbacks.BackupAndRestore(str(tmp_path))
    resumed = fit(_with_everything(), backup)
    assert_same_weights(unbroken, resumed)
    for one, other in zip(
        unbroken.optimizer.variables, resumed.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(np.array(one), np.array(other))


def test_file_of_a_trainer(tmp_path):
    maml = _with_everything()
    maml.train_on_batch(*batch())
    maml.save(tmp_path / "maml.keras")
    loaded = keras.saving.load_model(tmp_path / "maml.keras")
    assert_same_weights(maml, loaded)
    config, again = maml.get_config(), loaded.get_config()
    assert config["options"] == again["options"]
    assert len(config["options"]) == 3
    x, y = batch()
    inputs = {**x, "support_labels": y["support"]}
    np.testing.assert_allclose(maml(inputs), loaded(inputs), atol=1e-6)


# === Models of other kinds ===


def test_several_inputs(generator):
    inputs = {name: keras.Input((4,), name=name) for name in ("a", "b")}
    both = layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, layers.Dense(2)(both))
    maml = new_maml(model)
    labels = np.tile([0, 0, 1, 1], (2, 1)).astype("int32")
    x = {
        part: {
            name: generator.normal(size=(2, 4, 4)).astype("float32")
            for name in inputs
        }
        for part in ("support", "query")
    }
    y = {"support": labels, "query": labels}
    data = tf.data.Dataset.from_tensors((x, y)).repeat(3)
    assert np.isfinite(maml.fit(data, verbose=0).history["loss"]).all()
    assert maml.predict(data, verbose=0).shape == (6, 4, 2)
    one = {name: rows[0] for name, rows in x["support"].items()}
    assert maml.adapt(one, labels[0])(one).shape == (4, 2)


def test_subclassed_model(generator):
    model = small_models.Subclassed()
    images = small_models.images(40, generator, "float32")
    model(images[:1])
    data = kt.data.episodes(
        images,
        np.repeat(np.arange(4), 10),
        ways=3,
        queries=2,
        tasks=2,
        steps_per_epoch=2,
    )
    maml = new_maml(model, statistics="support")
    before = model.get_weights()
    maml.fit(data, verbose=0)
    after = model.get_weights()
    assert all(
        not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    )


def test_freezing_after_construction():
    model = network(batch_norm=True)
    maml = new_maml(model)
    model.layers[1].trainable = False
    maml.compile(keras.optimizers.SGD(0.1))
    frozen = [np.array(w) for w in model.layers[1].weights]
    maml.train_on_batch(*batch())
    for before, weight in zip(frozen, model.layers[1].weights, strict=True):
        np.testing.assert_array_equal(before, weight)


def test_bad_losses():
    maml = kt.meta.MAML(network())
    with pytest.raises(ValueError, match="one loss"):
        maml.compile("sgd", ["mse", "mse"])
    with pytest.raises(ValueError, match="interpret|Could not"):
        maml.compile("sgd", "no_such_loss")
