"""The trainer as a Keras model: fit, evaluate, predict, options, errors."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_transfer as kt
from tests.adaptation import small

EACH_TERM = pytest.mark.parametrize("name", ["dann", "dan", "deep_coral"])


# === What fit does ===


@EACH_TERM
def test_loss_is_the_task_plus_the_weighted_terms(name):
    term = kt.alignment.get(name)
    term.weight = 0.3
    model = small.dense_model()
    trainer = small.compiled(kt.DomainAdaptation(model, [term]))
    source, labels, target = small.arrays(8, 5)
    x = {"source": source, "target": target}
    total = trainer.compute_loss(x, labels, trainer(x, training=False))
    task = trainer.loss(labels, model(source))
    hidden = model.get_layer("hidden")
    value = term(
        kt.alignment.Representation((hidden(source),)),
        kt.alignment.Representation((hidden(target),)),
    )
    np.testing.assert_allclose(total, task + 0.3 * value, rtol=1e-6)


def test_the_model_itself_is_trained_and_stays_plain():
    model = small.dense_model()
    before = small.weights(model)
    trainer = small.adapted(model)
    assert trainer.model is model
    assert not model.compiled
    assert len(before) == len(model.variables)
    for old, new in zip(before, small.weights(model), strict=True):
        assert np.abs(old - new).max() > 0


def test_the_terms_weights_are_trained():
    term = kt.alignment.DomainAdversarial(strength=0.0)
    model = small.dense_model()
    trainer = small.compiled(kt.DomainAdaptation(model, term))
    before = small.weights(term.discriminator)
    trainer.fit(small.pairs(), verbose=0)
    # Trained at full speed even though nothing reaches the features.
    for old, new in zip(before, small.weights(term.discriminator), strict=True):
        assert np.abs(old - new).max() > 1e-3


def test_logs_name_every_term():
    terms = ["dann", kt.alignment.MeanDiscrepancy(name="kernels")]
    history = small.adapted(small.dense_model(), terms).history.history
    expected = {"loss", "accuracy", "dann_loss", "domain_accuracy"}
    assert set(history) == expected | {"kernels_loss"}


def test_logged_term_is_unweighted():
    losses = []
    for weight in (1e-6, 1e-3):
        keras.utils.set_random_seed(0)
        term = kt.alignment.CorrelationAlignment(weight=weight)
        trainer = kt.DomainAdaptation(small.dense_model(), term)
        small.compiled(trainer, keras.optimizers.SGD(1e-9))
        history = trainer.fit(small.pairs(), verbose=0).history
        losses.append(history["deep_coral_loss"][0])
    assert losses[0] > 1e-4
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.slow
def test_adaptation_improves_on_a_shifted_target():
    """Two classes, a target that is moved: DANN finds the common feature."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=512)
    source = generator.normal(size=(512, 2)) * 0.4
    source[:, 0] += np.where(labels == 1, 1.5, -1.5)
    target = source + np.array([1.2, 4.0])
    accuracies = []
    for alignment in (None, "dan"):
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                layers.Dense(16, activation="relu"),
                layers.Dense(2),
            ]
        )
        trainer = small.compiled(kt.DomainAdaptation(model, alignment))
        data = kt.data.pair_domains(
            (source, labels), target, batch_size=64, seed=0
        )
        trainer.fit(data, epochs=15, verbose=0)
        results = trainer.evaluate(target, labels, verbose=0, return_dict=True)
        accuracies.append(results["accuracy"])
    assert accuracies[1] > accuracies[0] + 0.05


# === Evaluate, predict, validation ===


def test_evaluate_and_predict_are_those_of_the_model():
    model = small.dense_model(dropout=0.5, batch_norm=True)
    trainer = small.adapted(model, ["dann", "dan"])
    source, labels, _ = small.arrays()
    np.testing.assert_array_equal(
        trainer.predict(source, verbose=0), model.predict(source, verbose=0)
    )
    results = trainer.evaluate(source, labels, verbose=0, return_dict=True)
    model.compile(loss=trainer.loss, metrics=["accuracy"])
    assert results == model.evaluate(
        source, labels, verbose=0, return_dict=True
    )


def test_validation_takes_plain_data_without_the_terms():
    source, labels, _ = small.arrays()
    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    history = trainer.fit(
        small.pairs(), validation_data=(source, labels), epochs=2, verbose=0
    ).history
    assert set(history) == {
        "loss",
        "accuracy",
        "dann_loss",
        "domain_accuracy",
        "val_loss",
        "val_accuracy",
    }


def test_evaluate_advances_no_progress():
    trainer = small.adapted(small.dense_model())
    trainer.progress.restart(10, step=4)
    source, labels, _ = small.arrays()
    trainer.evaluate(source, labels, verbose=0)
    assert float(trainer.progress.share()) == pytest.approx(0.4)


# === Keras options ===


def _trained(jit_compile=False, steps_per_execution=1, data=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = small.dense_model()
    trainer = small.compiled(
        kt.DomainAdaptation(model, ["dann", "dan", "deep_coral"]),
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution,
    )
    trainer.fit(data or small.pairs(), epochs=2, verbose=0, **kwargs)
    return trainer


@pytest.mark.slow
def test_jit_compile():
    eager = _trained()
    compiled = _trained(jit_compile=True)
    assert small.largest_difference(eager.model, compiled.model) < 1e-4
    assert int(compiled.progress.get_weights()[0]) == 6


def test_steps_per_execution():
    one = _trained()
    three = _trained(steps_per_execution=3)
    small.assert_same_weights(one.model, three.model)
    assert int(three.progress.get_weights()[0]) == 6


def test_run_eagerly():
    keras.utils.set_random_seed(0)
    trainer = kt.DomainAdaptation(small.dense_model(), "dann")
    small.compiled(trainer, run_eagerly=True)
    trainer.fit(small.pairs(), verbose=0)
    assert int(trainer.progress.get_weights()[0]) == 3


def test_sample_weight_counts_rows_of_the_task_alone():
    source, labels, target = small.arrays()

    def trained(*sample_weight):
        keras.utils.set_random_seed(0)
        data = kt.data.pair_domains(
            (source, labels, *sample_weight), target, batch_size=24, seed=0
        )
        trainer = small.adapted(small.dense_model(), "dan", data=data)
        logs = trainer.history.history
        return trainer.model, logs["loss"][0], logs["dan_loss"][0]

    plain, loss, term = trained()
    ones, *_ = trained(np.ones(24, "float32"))
    _, halved_loss, same_term = trained(np.full(24, 0.5, "float32"))
    small.assert_same_weights(ones, plain)
    assert same_term == term
    assert halved_loss - term == pytest.approx(0.5 * (loss - term), rel=1e-4)


def test_class_weight():
    source, labels, target = small.arrays()
    weights = {0: 0.5, 1: 2.0, 2: 1.0}
    by_class = _trained(class_weight=weights)
    by_row = _trained(
        data=kt.data.pair_domains(
            (source, labels, np.array([weights[y] for y in labels], "f4")),
            target,
            batch_size=8,
            seed=3,
        )
    )
    assert small.largest_difference(by_class.model, by_row.model) < 1e-6


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("batch_norm", ["shared", "separate"])
def test_mixed_precision(policy, batch_norm):
    keras.config.set_dtype_policy(policy)
    trainer = small.adapted(
        small.dense_model(batch_norm=True),
        ["dann", "dan", "deep_coral"],
        batch_norm=batch_norm,
    )
    assert all(np.isfinite(w).all() for w in small.weights(trainer.model))
    for values in trainer.history.history.values():
        assert np.isfinite(values).all()
    assert int(trainer.progress.get_weights()[0]) == 3


def test_mirrored_strategy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    keras.utils.set_random_seed(0)
    with strategy.scope():
        trainer = kt.DomainAdaptation(small.dense_model(), "dann")
        small.compiled(trainer)
    trainer.fit(small.pairs(), epochs=2, verbose=0)
    assert int(trainer.progress.get_weights()[0]) == 6
    keras.utils.set_random_seed(0)
    alone = small.adapted(small.dense_model(), "dann", epochs=2)
    assert small.largest_difference(alone.model, trainer.model) < 1e-5


@pytest.mark.slow
def test_two_replicas():
    """In a process of its own: devices are fixed once TensorFlow runs."""
    run = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


TWO_REPLICAS = """
import keras
import tensorflow as tf

device = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(device, halves)

import keras_transfer as kt
from tests.adaptation import small


def trained(alignment, batch_norm="shared"):
    keras.utils.set_random_seed(0)
    model = small.dense_model(batch_norm=batch_norm != "shared")
    trainer = kt.DomainAdaptation(model, alignment, batch_norm=batch_norm)
    small.compiled(trainer, keras.optimizers.SGD(0.1))
    trainer.fit(small.pairs(), epochs=2, verbose=0)
    return trainer


strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    both = trained("dann")
    trained(["dann", "deep_coral"], batch_norm="separate")
# DANN is a mean over rows, so that two halves make the whole.
assert small.largest_difference(both.model, trained("dann").model) < 1e-5
assert int(both.progress.get_weights()[0]) == 6
"""


def test_unequal_batches():
    data = small.pairs(batch_size=8, target_batch_size=3)
    trainer = small.adapted(
        small.dense_model(), ["dann", "dan", "deep_coral"], data=data
    )
    assert np.isfinite(trainer.history.history["loss"]).all()


def test_arrays_of_equal_length_without_a_dataset():
    source, labels, target = small.arrays()
    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    trainer.fit(
        {"source": source, "target": target},
        labels,
        batch_size=10,
        epochs=2,
        verbose=0,
    )
    assert int(trainer.progress.get_weights()[0]) == 6


def test_py_dataset():
    source, labels, target = small.arrays()

    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(8 * index, 8 * index + 8)
            x = {"source": source[rows], "target": target[rows]}
            return x, labels[rows]

    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    trainer.fit(Pairs(), epochs=2, verbose=0)
    assert float(trainer.progress.share()) == 1.0


# === Progress ===


class _Shares(keras.callbacks.Callback):
    """Notes the share of training after each batch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(self.model.progress.share()))


def test_progress_follows_the_steps_and_restarts_with_each_fit():
    shares = _Shares()
    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    trainer.fit(small.pairs(), epochs=2, verbose=0, callbacks=[shares])
    expected = np.arange(1, 7) / 6
    np.testing.assert_allclose(shares.seen, expected, rtol=1e-6)
    trainer.fit(small.pairs(), epochs=2, verbose=0, callbacks=[shares])
    np.testing.assert_allclose(shares.seen[6:], expected, rtol=1e-6)


def test_initial_epoch_continues_the_progress():
    shares = _Shares()
    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    trainer.fit(
        small.pairs(), initial_epoch=1, epochs=2, verbose=0, callbacks=[shares]
    )
    np.testing.assert_allclose(shares.seen, [4 / 6, 5 / 6, 1], rtol=1e-6)


def test_steps_per_epoch_sets_the_progress():
    shares = _Shares()
    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    data = small.pairs().repeat()
    trainer.fit(
        data, steps_per_epoch=2, epochs=2, verbose=0, callbacks=[shares]
    )
    np.testing.assert_allclose(shares.seen, [0.25, 0.5, 0.75, 1.0])


def test_reversal_strength_follows_the_paper():
    """The gradient into the features is that of the schedule's strength."""
    model = small.dense_model()
    trainer = small.compiled(kt.DomainAdaptation(model, "dann"))
    source, labels, target = small.arrays(8, 8)
    x = {"source": source, "target": target}
    kernel = model.get_layer("hidden").kernel

    def gradient(step):
        trainer.progress.restart(100, step=step)
        with tf.GradientTape() as tape:
            outputs = trainer(x, training=True)
            loss = trainer.compute_loss(x, labels, outputs, training=False)
        return tape.gradient(loss, kernel.value).numpy()

    task, half, end = gradient(0), gradient(50), gradient(100)
    assert np.abs(end - task).max() > 1e-5
    ratio = (2 / (1 + np.exp(-5)) - 1) / (2 / (1 + np.exp(-10)) - 1)
    np.testing.assert_allclose(half - task, ratio * (end - task), atol=1e-6)


# === Bad input ===


def _refused(match, model=None, data=None, fit=None, **kwargs):
    """The error arrives, is one sentence or two, and nothing was trained."""
    model = small.dense_model() if model is None else model
    before = small.weights(model) if model.built else []
    with pytest.raises(ValueError, match=match) as caught:
        trainer = small.compiled(kt.DomainAdaptation(model, **kwargs))
        trainer.fit(data or small.pairs(), verbose=0, **(fit or {}))
    assert "\n" not in str(caught.value)
    for old, new in zip(before, small.weights(model), strict=True):
        np.testing.assert_array_equal(old, new)


def _dataset(x_source, x_target, y=None):
    y = np.zeros(len(x_source), "int64") if y is None else y
    data = ({"source": x_source, "target": x_target}, y)
    return tf.data.Dataset.from_tensors(data)


def test_shapes_that_differ():
    source, labels, _ = small.arrays()
    data = kt.data.pair_domains((source, labels), np.zeros((9, 7)), 8)
    _refused(
        r"must have the same shape.*source \(4,\), target \(7,\)", data=data
    )


def test_structures_that_differ():
    data = _dataset(np.zeros((4, 4)), {"a": np.zeros((4, 4))})
    _refused("must have the same shape", data=data)


def test_unknown_feature_name():
    _refused(
        r"`features`.*Expected one of .*'hidden'.*Did you mean 'hidden'\?",
        features="hiden",
    )


def test_unknown_term():
    _refused(
        r"`alignment`.*Did you mean 'dan' or 'dann'\?|Did you mean 'dann' or",
        alignment="dannn",
    )


def test_something_that_is_no_term():
    _refused("`alignment`.*the name of a term or a term", alignment=3)


def test_target_labels_that_no_term_uses():
    source, labels, target = small.arrays()
    data = kt.data.pair_domains((source, labels), (target, labels), 8)
    _refused("no alignment term here uses them.*without labels", data=data)


def test_target_labels_that_are_none():
    source, labels, target = small.arrays()
    data = kt.data.pair_domains((source, labels), (target, None), 8)
    small.adapted(small.dense_model(), data=data)


def test_empty_dataset():
    _refused("dataset is empty", data=small.pairs().take(0))


def test_dataset_of_unknown_length():
    data = small.pairs().filter(lambda x, y: True)
    _refused("Pass steps_per_epoch= to fit", data=data)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_batch_of_one_with_coral(domain):
    sizes = {"source": (1, 8), "target": (8, 1)}[domain]
    data = small.pairs(batch_size=sizes[0], target_batch_size=sizes[1])
    _refused(
        f"'deep_coral' needs at least 2 rows.*Received 1 of the {domain}",
        data=data,
        alignment="deep_coral",
    )


def test_batch_of_one_with_the_unbiased_mmd():
    term = kt.alignment.MeanDiscrepancy(
        kt.losses.MaximumMeanDiscrepancy(estimator="unbiased")
    )
    _refused(
        "'dan' needs at least 2 rows",
        data=small.pairs(batch_size=1),
        alignment=term,
    )


def test_batch_of_one_with_dann():
    small.adapted(small.dense_model(), data=small.pairs(batch_size=1))


def test_model_that_is_not_built():
    model = keras.Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="is not built.*Give it a keras.Input"):
        kt.DomainAdaptation(model)


def test_something_that_is_no_model():
    with pytest.raises(ValueError, match="`model`. Expected a keras.Model"):
        kt.DomainAdaptation("resnet50")


def test_unknown_batch_norm():
    with pytest.raises(ValueError, match="`batch_norm`.*'domain_specific'"):
        kt.DomainAdaptation(small.dense_model(), batch_norm="joint")


def test_two_terms_of_one_name():
    with pytest.raises(ValueError, match="Give the terms a name="):
        kt.DomainAdaptation(small.dense_model(), ["dan", "dan"])


def test_data_that_are_not_pairs():
    source, labels, _ = small.arrays()
    _refused(
        "keras_transfer.data.pair_domains",
        data=tf.data.Dataset.from_tensors((source, labels)),
    )


def test_plain_arrays_are_not_pairs():
    source, labels, _ = small.arrays()
    trainer = small.compiled(kt.DomainAdaptation(small.dense_model()))
    with pytest.raises(ValueError, match="trained on pairs of batches"):
        trainer.fit(source, labels, verbose=0)


def test_model_whose_inputs_are_named_as_the_domains():
    inputs = {
        name: keras.Input((4,), name=name) for name in ("source", "target")
    }
    joined = layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, layers.Dense(3)(joined))
    with pytest.raises(ValueError, match="Rename its inputs"):
        kt.DomainAdaptation(model)


def test_nan_in_arrays():
    source, labels, target = small.arrays()
    target[5, 1] = np.nan
    with pytest.raises(ValueError, match="target domain.*in row 5"):
        kt.data.pair_domains((source, labels), target)


def _dict_arrays(rows):
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    return {"source": x, "target": x + 1}, np.arange(rows) % 3


def _compiled(alignment):
    trainer = kt.DomainAdaptation(small.dense_model(), alignment)
    trainer.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return trainer


def test_a_last_batch_of_one_row_is_refused_or_finite():
    x, y = _dict_arrays(33)
    trainer = _compiled("deep_coral")
    with pytest.raises(ValueError, match="leave a last one of 1"):
        trainer.fit(x, y, verbose=0)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    trainer.fit(batches, verbose=0)
    for weight in trainer.model.get_weights():
        assert np.isfinite(weight).all()


def test_arrays_in_a_dict_are_checked():
    x, y = _dict_arrays(8)
    x["target"][5, 1] = np.nan
    with pytest.raises(ValueError, match="target domain has a NaN.*row 5"):
        _compiled("dann").fit(x, y)
    empty = {name: array[:0] for name, array in x.items()}
    with pytest.raises(ValueError, match="domain is empty"):
        _compiled("dann").fit(empty, y[:0])


def test_what_is_no_pair_is_one_sentence():
    for wrong in (None, iter([1]), [1, 2]):
        with pytest.raises(ValueError, match="trained on pairs of batches"):
            _compiled("dann").fit(wrong)


def test_progress_counts_the_rows_that_are_trained_on():
    x, y = _dict_arrays(32)
    trainer = _compiled("dann")
    trainer.fit(x, y, 4, 2, 0, validation_split=0.5)
    assert float(trainer.progress.share()) == 1.0


def test_more_epochs_than_planned_at_first_stretch_the_progress(tmp_path):
    x, y = _dict_arrays(16)
    pairs = kt.data.pair_domains((x["source"], y), x["target"], 4, seed=0)
    seen = []

    class Note(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(float(self.model.progress.share()))

    def backup():
        return keras.callbacks.BackupAndRestore(
            tmp_path, delete_checkpoint=False
        )

    _compiled("dann").fit(pairs, epochs=2, verbose=0, callbacks=[backup()])
    _compiled("dann").fit(
        pairs, epochs=4, verbose=0, callbacks=[backup(), Note()]
    )
    assert seen == [0.75, 1.0]


def test_predict_refuses_pairs():
    x, _ = _dict_arrays(8)
    with pytest.raises(ValueError, match="takes plain inputs"):
        _compiled("dann").predict(x, verbose=0)


def test_a_wrong_layer_name_is_an_error_without_terms_too():
    with pytest.raises(ValueError, match="`features`"):
        kt.DomainAdaptation(small.dense_model(), None, features="none_such")
