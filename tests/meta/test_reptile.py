"""The trainer `Reptile`."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.meta.reptile import Reptile
from tests.meta import small_models
from tests.meta.test_ridge_head import clusters

SETTINGS = {
    "inner_steps": 2,
    "inner_learning_rate": 0.02,
    "inner_steps_at_test": 6,
    "seed": 0,
}


def network(batch_norm=False, dropout=0.0, outputs=3, dtype=None):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, dtype=dtype),
            *([keras.layers.BatchNormalization()] if batch_norm else []),
            keras.layers.ReLU(),
            keras.layers.Dropout(dropout, seed=1),
            keras.layers.Dense(outputs, dtype=dtype),
        ]
    )


def episodes(generator, steps=4, **kwargs):
    x, y = clusters(generator)
    settings = {"ways": 3, "shots": 4, "queries": 2, "tasks": 2, "seed": 1}
    return kt.data.episodes(
        x, y, steps_per_epoch=steps, **{**settings, **kwargs}
    )


def trainer(model=None, **kwargs):
    reptile = Reptile(model or network(), **{**SETTINGS, **kwargs})
    reptile.compile()
    return reptile


def values(model):
    """All of a model's variables but those of its metrics."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [v.numpy() for v in model.variables if id(v) not in metrics]


def assert_equal(before, after):
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


# === Training ===


@pytest.mark.slow
def test_learns(generator):
    data = episodes(generator, steps=40, tasks=4)
    reptile = trainer(inner_steps=5)
    untrained = reptile.evaluate_episodes(data, 40, verbose=False)["none"]
    history = reptile.fit(data, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    trained = reptile.evaluate_episodes(data, 40, verbose=False)["none"]
    assert trained.mean > untrained.mean + 0.1


def test_an_update_is_a_share_of_the_way(generator):
    """Half the outer step goes half as far."""
    data = episodes(generator, steps=1)
    moves = []
    for outer_step in (1.0, 0.5):
        keras.utils.set_random_seed(0)
        reptile = trainer(outer_step=outer_step)
        before = reptile.model.get_weights()
        data.epoch.assign(0)
        reptile.fit(data, verbose=0)
        moves.append(reptile.model.get_weights()[0] - before[0])
    assert np.abs(moves[0]).max() > 0.01
    np.testing.assert_allclose(moves[1], moves[0] / 2, atol=1e-6)


def test_a_single_task_and_step_is_training(generator):
    x, y = clusters(generator)
    x, y = x[:6], np.array([0, 1, 2, 0, 1, 2], "int32")
    data = tf.data.Dataset.from_tensors(
        (
            {"support": x[None], "query": x[None]},
            {"support": y[None], "query": y[None]},
        )
    )
    model = network()
    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    plain.compile(
        keras.optimizers.Adam(0.02, beta_1=0.0, epsilon=1e-8),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    reptile = trainer(model, inner_steps=1, inner_batch_size=6, outer_step=1.0)
    for _ in range(3):  # the slots are carried
        plain.train_on_batch(x, y)
        reptile.fit(data, verbose=0)
    for one, other in zip(
        model.get_weights(), plain.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_outer_step_falls_to_zero(generator):
    seen = []
    reptile = trainer()

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(reptile.outer_step(reptile.progress.share())))

    data = episodes(generator)
    reptile.fit(data, epochs=2, verbose=0, callbacks=[Look()])
    np.testing.assert_allclose(seen, 1 - np.arange(1, 9) / 8, atol=1e-6)


def test_moving_statistics_follow_the_inner_loop(generator):
    model = network(batch_norm=True)
    reptile = trainer(model)
    before = model.layers[1].moving_mean.numpy()
    reptile.fit(episodes(generator), verbose=0)
    assert np.abs(model.layers[1].moving_mean.numpy() - before).max() > 0.01


@pytest.mark.slow
def test_resuming_equals_an_unbroken_run(generator, tmp_path):
    data = episodes(generator)
    whole = trainer(network(batch_norm=True, dropout=0.3))
    initial = [v.numpy() for v in whole.variables]
    whole.fit(data, epochs=3, verbose=0)

    class Broken(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    for callbacks in ([Broken()], []):
        keras.utils.clear_session(free_memory=False)
        again = trainer(network(batch_norm=True, dropout=0.3))
        for variable, value in zip(again.variables, initial, strict=True):
            variable.assign(value)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        callbacks = [backup, *callbacks]
        try:
            again.fit(data, epochs=3, verbose=0, callbacks=callbacks)
        except KeyboardInterrupt:
            continue
    assert_equal(values(whole), values(again))


def test_a_step_is_traced_once(generator):
    traces = []

    class Counted(Reptile):
        def train_step(self, data):
            traces.append(1)
            return super().train_step(data)

    reptile = Counted(network(batch_norm=True), **SETTINGS)
    reptile.compile(steps_per_execution=2)
    reptile.fit(
        episodes(generator, ways=(2, 3), shots=(1, 3)), epochs=2, verbose=0
    )
    assert len(traces) <= 2  # the two steps of an execution


@pytest.mark.slow
def test_run_eagerly(generator):
    data = episodes(generator, steps=1)
    weights = []
    for eager in (True, False):
        keras.utils.set_random_seed(0)
        reptile = trainer()
        reptile.compile(run_eagerly=eager)
        data.epoch.assign(0)
        reptile.fit(data, verbose=0)
        weights.append(reptile.model.get_weights()[0])
    np.testing.assert_allclose(*weights, atol=1e-5)


@pytest.mark.slow
def test_half_precision(generator):
    reptile = trainer(network(batch_norm=True, dtype="mixed_bfloat16"))
    history = reptile.fit(
        episodes(generator), validation_data=episodes(generator), verbose=0
    ).history
    assert np.isfinite([*history["loss"], *history["val_loss"]]).all()
    assert reptile.model.layers[0].kernel.dtype == "float32"


# === Evaluation ===


def test_evaluation_leaves_everything_as_it_was(generator):
    data = episodes(generator)
    reptile = trainer(network(batch_norm=True, dropout=0.3))
    reptile.fit(data, verbose=0)
    before = values(reptile)
    modes = ["support_plus_one", "moving"]
    first = reptile.evaluate_episodes(data, 4, modes, verbose=False)
    assert list(first) == modes
    logs = reptile.evaluate(data.take(2), return_dict=True, verbose=0)
    outputs = reptile.predict(data.take(2), verbose=0)
    assert outputs.shape == (4, 6, 3)
    assert set(logs) == {"accuracy", "loss"}
    assert_equal(before, values(reptile))
    again = reptile.evaluate_episodes(data, 4, "moving", verbose=False)
    np.testing.assert_array_equal(
        again["moving"].values, first["moving"].values
    )


def test_evaluation_adapts_with_the_slots(generator):
    """`adapt` and `evaluate_episodes` say the same of a task."""
    data = episodes(generator, fixed=True)
    reptile = trainer(network(batch_norm=True), statistics="support")
    reptile.fit(data, verbose=0)
    outputs = reptile.predict(data.take(1), verbose=0)
    x, y = next(iter(data))
    for task in range(2):
        adapted = reptile.adapt(x["support"][task], y["support"][task])
        np.testing.assert_allclose(
            adapted(x["query"][task]), outputs[task], atol=1e-4
        )
    more = reptile.adapt(x["support"][0], y["support"][0], steps=30)
    assert not np.allclose(more(x["query"][0]), outputs[0], atol=0.1)


def test_validation_counts_real_queries_only(generator):
    reptile = trainer()
    data = episodes(generator, steps=1, tasks=6, ways=(2, 3), fixed=True)
    logs = reptile.evaluate(data, return_dict=True, verbose=0)
    scores = reptile.evaluate_episodes(data, 6, verbose=False)["none"]
    numbers = np.concatenate(
        [(y["query"].numpy() >= 0).sum(1) for _, y in data]
    )
    expected = np.average(scores.values, weights=numbers)
    assert logs["accuracy"] == pytest.approx(expected, abs=1e-5)


def test_regression(generator):
    x = generator.normal(size=(8, 4, 10, 1)).astype("float32")
    slopes = generator.normal(size=(8, 4, 1, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(
        (
            {"support": x, "query": x},
            {"support": x * slopes, "query": x * slopes},
        )
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    reptile = Reptile(model, **{**SETTINGS, "inner_steps_at_test": 60})
    reptile.compile("mse", metrics=[])
    history = reptile.fit(data, validation_data=data, verbose=0).history
    scores = reptile.evaluate_episodes(data, 32, verbose=False)["none"]
    assert scores.metric == "loss"
    assert scores.mean == pytest.approx(history["val_loss"][0], rel=1e-3)
    assert scores.mean < 0.5 * history["loss"][0]


# === The plain model ===


def test_on_plain_inputs_it_is_the_model(generator):
    reptile = trainer()
    x = generator.normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(reptile(x), reptile.model(x))


def test_adapt_gives_a_plain_copy(generator, tmp_path):
    x, y = clusters(generator)
    reptile = trainer(network(batch_norm=True, outputs=8))
    before = values(reptile)
    adapted = reptile.adapt(x, y, steps=40)
    assert_equal(before, values(reptile))
    assert type(adapted) is keras.Sequential and not adapted.compiled
    assert (adapted(x).numpy().argmax(-1) == y).mean() > 0.6
    normalized = adapted.layers[0](x).numpy()
    np.testing.assert_allclose(
        adapted.layers[1].moving_mean.numpy(), normalized.mean(0), atol=1e-4
    )
    adapted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), adapted(x))


def test_adapt_leaves_padding_out(generator):
    x, y = clusters(generator)
    reptile = trainer(network(batch_norm=True, outputs=8))
    padded = np.concatenate([x, np.full((4, 4), 99, "float32")])
    labels = np.concatenate([y, [-1] * 4])
    for one, other in zip(
        reptile.adapt(x, y).get_weights(),
        reptile.adapt(padded, labels).get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_subclassed_models_and_several_inputs(generator):
    model = small_models.Subclassed()
    images = small_models.images(60, generator, "float32")
    model(images)
    labels = np.repeat(np.arange(3), 20)
    data = kt.data.episodes(
        images, labels, ways=3, shots=4, queries=2, tasks=2, steps_per_epoch=2
    )
    trainer(model).fit(data, validation_data=data, verbose=0)
    inputs = {name: keras.Input((4,), name=name) for name in "ab"}
    both = keras.layers.Concatenate()([inputs["a"], inputs["b"]])
    reptile = trainer(keras.Model(inputs, keras.layers.Dense(3)(both)))
    x, y = clusters(generator)
    given = {"a": x, "b": -x}
    data = kt.data.episodes(
        given, y, ways=3, shots=4, queries=2, tasks=2, steps_per_epoch=2
    )
    reptile.fit(data, validation_data=data, verbose=0)
    rows = {name: value[:30] for name, value in given.items()}
    assert reptile.adapt(rows, y[:30])(rows).shape == (30, 3)


# === Saving and errors ===


@pytest.mark.slow
def test_saving(generator, tmp_path):
    data = episodes(generator)
    reptile = Reptile(
        network(batch_norm=True),
        **SETTINGS,
        outer_step=kt.schedules.LinearRamp(0.5, 0.1),
        statistics="transductive",
    )
    reptile.compile()
    reptile.fit(data, verbose=0)
    config = reptile.get_config()
    again = Reptile.from_config(config)
    assert again.get_config()["outer_step"] == config["outer_step"]
    reptile.save_weights(tmp_path / "reptile.weights.h5")
    again.load_weights(tmp_path / "reptile.weights.h5")
    assert int(again._slots._count.numpy()) == 4 * 2 * 2
    again.compile()
    reptile.save(tmp_path / "reptile.keras")
    loaded = keras.models.load_model(tmp_path / "reptile.keras")
    assert loaded.compiled
    for one in (reptile, again, loaded):
        one.fit(data, epochs=2, initial_epoch=1, verbose=0)
    assert_equal(reptile.model.get_weights(), again.model.get_weights())
    assert_equal(reptile.model.get_weights(), loaded.model.get_weights())


def test_errors(generator):
    with pytest.raises(ValueError, match="has no optimizer"):
        Reptile(network()).compile(optimizer="adam")
    with pytest.raises(ValueError, match="adam"):
        Reptile(network()).compile("adam")
    reptile = trainer()
    with pytest.raises(ValueError, match="episodes"):
        reptile.fit(np.zeros((3, 4)), np.zeros(3))
    endless = episodes(generator).repeat()
    with pytest.raises(ValueError, match="steps_per_epoch"):
        reptile.fit(endless)
    with pytest.raises(ValueError, match="one label for each"):
        reptile.adapt(np.zeros((3, 4)), np.zeros(2, "int32"))
    with pytest.raises(ValueError, match="steps"):
        reptile.adapt(np.zeros((3, 4)), np.zeros(3, "int32"), steps=0)
    with pytest.raises(ValueError, match="statistics"):
        reptile.evaluate_episodes(episodes(generator), statistics="moving")


def test_several_devices_are_refused(generator, monkeypatch):
    reptile = trainer()
    two = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(Reptile, "distribute_strategy", two)
    with pytest.raises(ValueError, match="one device"):
        reptile.fit(episodes(generator))
