"""What all few-shot trainers share, shown with prototypical networks."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.meta import episodic_trainer
from tests.meta import small_episodes as small

VARIABLE = {"ways": (2, 4), "shots": (1, 3)}


def _assert_same_weights(first, second):
    pairs = zip(small.weights(first), small.weights(second), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


def _new_network(dropout=0.0, batch_norm=True):
    keras.utils.set_random_seed(0)
    return small.network(small.encoder(dropout, batch_norm))


# === fit, evaluate, predict ===


def test_fit_tells_loss_and_accuracy():
    history = _new_network().fit(
        small.episodes(),
        epochs=2,
        verbose=0,
        validation_data=small.episodes(ways=4, seed=9, fixed=True),
    )
    assert sorted(history.history) == [
        "accuracy",
        "loss",
        "val_accuracy",
        "val_loss",
    ]
    for values in history.history.values():
        assert len(values) == 2
        assert np.isfinite(values).all()


def test_predict_gives_the_logits_of_all_tasks():
    network, data = _new_network(), small.episodes(fixed=True)
    logits = network.predict(data, verbose=0)
    assert logits.shape == (6, 9, 6)
    for step, (x, y) in enumerate(data):
        inputs = {**x, "support_labels": y["support"]}
        np.testing.assert_allclose(
            logits[2 * step : 2 * step + 2], network(inputs), atol=1e-5
        )


def _numpy_scores(logits, labels):
    """Mean loss and accuracy over the real queries of all tasks."""
    losses, hits = [], []
    for row, label in zip(
        logits.reshape(-1, logits.shape[-1]).astype("float64"),
        labels.reshape(-1),
        strict=True,
    ):
        if label >= 0:
            row = row - row.max()
            losses.append(np.log(np.exp(row).sum()) - row[label])
            hits.append(row.argmax() == label)
    return np.mean(losses), np.mean(hits)


@pytest.mark.parametrize("arguments", [{}, VARIABLE])
def test_evaluate_equals_numpy(arguments):
    """Padded queries count in neither loss nor accuracy."""
    network = _new_network()
    data = small.episodes(fixed=True, tasks=5, steps_per_epoch=1, **arguments)
    ((_, y),) = data
    labels = y["query"].numpy()
    assert (labels == -1).any() == bool(arguments)
    expected = _numpy_scores(network.predict(data, verbose=0), labels)
    np.testing.assert_allclose(
        network.evaluate(data, verbose=0), expected, rtol=1e-5
    )


def test_padding_changes_no_step():
    """Without batch norm, whose statistics have every row in them."""

    def with_rubbish(x, y):
        return {
            part: tf.where((y[part] < 0)[..., None], 1e3, x[part]) for part in x
        }, y

    data = small.episodes(fixed=True, **VARIABLE)
    trained = []
    for episodes in (data, data.map(with_rubbish)):
        network = _new_network(batch_norm=False)
        network.fit(episodes, verbose=0)
        trained.append(small.weights(network))
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_weights_of_queries():
    x, y = next(iter(small.episodes(**VARIABLE)))
    inputs, labels, weights = episodic_trainer.queries_as_rows((x, y))
    valid = y["query"].numpy() >= 0
    assert 0 < valid.sum() < valid.size
    assert set(inputs) == {"support", "query", "support_labels"}
    np.testing.assert_array_equal(labels.numpy()[valid], y["query"][valid])
    assert (weights.numpy()[~valid] == 0).all()
    assert float(tf.reduce_sum(weights)) == pytest.approx(valid.size)


def test_accuracy_of_each_task():
    logits = np.eye(3, dtype="float32")[[[0, 1, 2], [2, 2, 2]]]
    labels = tf.constant([[0, 1, 0], [2, -1, -1]])
    found = episodic_trainer.accuracy_of_tasks(tf.constant(logits), labels)
    np.testing.assert_allclose(found, [2 / 3, 1])


@pytest.mark.slow
def test_other_numbers_of_ways_and_shots_after_another():
    """Keras alone would trace steps with unknown numbers of rows."""
    network = _new_network()
    for arguments in ({}, VARIABLE, {}):
        data = small.episodes(**arguments)
        network.fit(data, verbose=0, validation_data=data)
        network.evaluate(data, verbose=0)
        assert network.predict(data, verbose=0).ndim == 3


def test_train_on_batch():
    network = _new_network()
    x, y = next(iter(small.episodes()))
    values = [network.train_on_batch(x, y)[0] for _ in range(5)]
    assert values[-1] < values[0]


# === compile ===


def test_own_loss_and_metrics():
    network = _new_network()
    network.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, name="other"
        ),
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2, name="two")],
        weighted_metrics=["accuracy"],
    )
    history = network.fit(small.episodes(**VARIABLE), verbose=0).history
    assert sorted(history) == ["accuracy", "loss", "two"]
    assert history["two"][0] >= history["accuracy"][0]
    network.compile("sgd", metrics=None)
    assert sorted(network.fit(small.episodes(), verbose=0).history) == ["loss"]


@pytest.mark.parametrize("metrics", ["accuracy", {"a": "accuracy"}])
def test_metrics_are_a_list(metrics):
    with pytest.raises(ValueError, match="`metrics`.*a list of metrics"):
        _new_network().compile("sgd", metrics=metrics)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"run_eagerly": True},
        {"jit_compile": True},
        {"steps_per_execution": 3},
    ],
)
def test_ways_to_run(arguments):
    trained = []
    for settings in ({}, arguments):
        network = _new_network()
        network.compile(keras.optimizers.SGD(0.1), **settings)
        network.fit(small.episodes(), verbose=0)
        trained.append(small.weights(network))
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


# === The order of episodes ===


@pytest.mark.slow
def test_steps_per_epoch_are_the_first_of_each_epoch():
    cut, short = _new_network(), _new_network()
    cut.fit(small.episodes(), epochs=3, steps_per_epoch=2, verbose=0)
    short.fit(small.episodes(steps_per_epoch=2), epochs=3, verbose=0)
    _assert_same_weights(cut, short)
    assert int(cut.optimizer.iterations) == 6


def test_too_many_steps_per_epoch_are_refused():
    with pytest.raises(ValueError, match="3 steps.*steps_per_epoch=4"):
        _new_network().fit(small.episodes(), steps_per_epoch=4)


@pytest.mark.slow
def test_a_second_fit_goes_on_where_it_is_told():
    once, twice = _new_network(0.3), _new_network(0.3)
    once.fit(small.episodes(), epochs=4, verbose=0)
    data = small.episodes()
    twice.fit(data, epochs=2, verbose=0)
    twice.evaluate_episodes(data, 5, verbose=False)
    twice.fit(data, initial_epoch=2, epochs=4, verbose=0)
    _assert_same_weights(once, twice)


class _Cut(Exception):
    """The power cut."""


class CutBefore(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch
        self.begun = []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise _Cut
        self.begun.append(epoch)


@pytest.mark.slow
def test_resumed_run_ends_as_an_unbroken_one(tmp_path):
    def fit(network, *callbacks):
        validation = small.episodes(seed=8, fixed=True)
        return network.fit(
            small.episodes(),
            epochs=4,
            verbose=0,
            validation_data=validation,
            callbacks=list(callbacks),
        )

    unbroken = _new_network(0.3)
    fit(unbroken)
    with pytest.raises(_Cut):
        backup = keras.callbacks.BackupAndRestore(str(tmp_path))
        fit(_new_network(0.3), backup, CutBefore(2))
    keras.utils.set_random_seed(99)  # a new process knows nothing of the old
    resumed = small.network(small.encoder(0.3))
    seen = CutBefore(-1)
    fit(resumed, keras.callbacks.BackupAndRestore(str(tmp_path)), seen)
    assert seen.begun == [2, 3]
    _assert_same_weights(unbroken, resumed)
    pairs = zip(
        unbroken.optimizer.variables, resumed.optimizer.variables, strict=True
    )
    for one, other in pairs:
        np.testing.assert_array_equal(np.array(one), np.array(other))


# === What are no episodes ===


def _rows():
    return small.arrays()


def _without_support():
    return (
        small.episodes().map(lambda x, y: ({"query": x["query"]}, y)),
        None,
    )


def _fewer_labels():
    return (
        small.episodes().map(
            lambda x, y: (x, {**y, "query": y["query"][:, 1:]})
        ),
        None,
    )


def _one_hot():
    return (
        small.episodes().map(
            lambda x, y: (x, {**y, "query": tf.one_hot(y["query"], 3)})
        ),
        None,
    )


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize(
    "make, message",
    [
        (_rows, "`x`.*a tf.data.Dataset of episodes"),
        (_without_support, "takes episodes"),
        (_fewer_labels, r"query of episodes.*\(2, 9, 5\) and \(2, 8\)"),
        (_one_hot, "not one-hot"),
    ],
)
def test_bad_data_are_refused_before_training(make, message, method):
    network = _new_network()
    before = small.weights(network)
    x, y = make()
    arguments = (x,) if method == "predict" else (x, y)
    with pytest.raises(ValueError, match=message):
        getattr(network, method)(*arguments, verbose=0)
    for one, other in zip(before, small.weights(network), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_an_unknown_number_of_rows_is_refused(method):
    data = small.episodes()
    spec = keras.tree.map_structure(
        lambda s: tf.TensorSpec([None, None, *s.shape[2:]], s.dtype),
        data.element_spec,
    )
    data = tf.data.Dataset.from_generator(
        lambda: iter(data), output_signature=spec
    )
    with pytest.raises(ValueError, match="support rows must be known"):
        getattr(_new_network(), method)(data, verbose=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"validation_data": small.arrays()}, "`validation_data`"),
        ({"y": np.ones(3)}, "`y` should not be passed"),
        ({"class_weight": {0: 1.0}}, "class_weight"),
        ({"validation_split": 0.1}, "validation_split"),
    ],
)
def test_bad_arguments_of_fit_are_refused(arguments, message):
    network = _new_network()
    with pytest.raises(ValueError, match=message):
        network.fit(small.episodes(), verbose=0, **arguments)
    assert int(network.optimizer.iterations) == 0


def test_weights_of_examples_are_refused():
    x, y = next(iter(small.episodes()))
    with pytest.raises(ValueError, match="Episodes have no weights"):
        _new_network().train_on_batch(x, y, sample_weight=np.ones((2, 9)))


# === evaluate_episodes ===


@pytest.mark.parametrize("arguments", [{}, VARIABLE])
def test_values_equal_the_accuracy_of_each_task(arguments):
    network = _new_network()
    data = small.episodes(fixed=True, **arguments)
    logits = network.predict(data, verbose=0)
    labels = np.concatenate([y["query"] for _, y in data])
    expected = [
        _numpy_scores(task, real)[1]
        for task, real in zip(logits, labels, strict=True)
    ]
    scores = network.evaluate_episodes(data, 5, verbose=False)
    assert list(scores) == ["moving"]
    np.testing.assert_allclose(scores["moving"].values, expected[:5])
    assert scores["moving"].metric == "accuracy"
    assert scores["moving"].statistics == "moving"


def test_evaluation_is_the_same_each_time_and_leaves_no_trace():
    network, data = _new_network(dropout=0.5), small.episodes()
    network.fit(data, verbose=0)
    before, epoch = small.weights(network), int(data.epoch)
    values = [
        network.evaluate_episodes(data, 13, verbose=False)["moving"].values
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*values)
    assert len(values[0]) == 13
    assert int(data.epoch) == epoch
    for one, other in zip(before, small.weights(network), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_needs_no_compile():
    network = kt.meta.PrototypicalNetwork(small.encoder())
    scores = network.evaluate_episodes(small.episodes(), 4, verbose=False)
    assert scores["moving"].num_episodes == 4


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_episodes": 7}, "only 6 episodes"),
        ({"num_episodes": 0}, "`num_episodes`"),
        ({"statistics": "transductive"}, r"\['moving'\].*'transductive'"),
        ({"statistics": ["moving", "batch"]}, r"\['moving'\].*'batch'"),
        ({"statistics": []}, r"\['moving'\]"),
    ],
)
def test_bad_evaluations_are_refused(arguments, message):
    data = small.episodes(fixed=True)
    arguments = {"num_episodes": 4, "verbose": False, **arguments}
    with pytest.raises(ValueError, match=message):
        _new_network().evaluate_episodes(data, **arguments)


class ByStatistics(episodic_trainer.EpisodicTrainer):
    """A trainer with two ways to evaluate, as those of MAML."""

    evaluated_statistics = ("support", "transductive")

    def values_of_episodes(self, x, y, statistics):
        value = {"support": 0.25, "transductive": 0.5}[statistics]
        return tf.fill([tf.shape(y["query"])[0]], value)

    def metric_of_episodes(self):
        return "loss"


@pytest.mark.parametrize(
    "statistics, expected",
    [
        (None, {"support": 0.25, "transductive": 0.5}),
        ("transductive", {"transductive": 0.5}),
        (["support"], {"support": 0.25}),
    ],
)
def test_scores_of_several_statistics(statistics, expected):
    scores = ByStatistics().evaluate_episodes(
        small.episodes(), 3, statistics, verbose=False
    )
    assert {name: score.mean for name, score in scores.items()} == expected
    assert {score.statistics for score in scores.values()} == set(expected)
    assert {score.metric for score in scores.values()} == {"loss"}


# === Several devices ===


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

from tests.meta import small_episodes as small


def trained(**arguments):
    keras.utils.set_random_seed(0)
    network = small.network(small.encoder(batch_norm=False))
    network.compile(keras.optimizers.SGD(0.1))
    history = network.fit(small.episodes(**arguments), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    network.evaluate(small.episodes(**arguments), verbose=0)
    return network


strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    both = trained()
    trained(ways=(2, 4), shots=(1, 3))
# A mean over tasks, so that two halves make the whole.
for one, other in zip(
    small.weights(both), small.weights(trained()), strict=True
):
    np.testing.assert_allclose(one, other, atol=1e-5)
"""


def test_a_resumed_run_validates_on_the_same_episodes():
    def validated(**arguments):
        trainer.compile(keras.optimizers.SGD(0.0))
        history = trainer.fit(
            small.episodes(steps_per_epoch=1),
            validation_data=small.episodes(seed=9),
            epochs=3,
            verbose=0,
            **arguments,
        )
        return history.history["val_loss"]

    trainer = small.network(small.encoder(batch_norm=False))
    whole = validated()
    assert len(set(whole)) == 3
    np.testing.assert_allclose(validated(initial_epoch=2), whole[2:], rtol=1e-6)
