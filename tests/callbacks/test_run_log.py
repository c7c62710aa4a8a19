"""A training, written down: whole, resumable, and refused where foreign."""

import gc
import json

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.callbacks import run_folder
from tests.adaptation import small

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def _model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def _fit(log, model=None, epochs=2, others=(), **kwargs):
    model = _model() if model is None else model
    return model.fit(
        X, Y, epochs=epochs, verbose=0, callbacks=[log, *others], **kwargs
    )


class Stop(keras.callbacks.Callback):
    """Raises at the end of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def test_everything_is_written(tmp_path):
    folder = tmp_path / "deeper" / "run"
    log = kt.callbacks.RunLog(
        folder, {"rate": np.float32(0.5)}, data="sixteen rows", seed=7
    )
    history = _fit(log, validation_data=(X, Y)).history
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "run.json",
        "metrics.csv",
        "tensorboard",
        "best.weights.h5",
        "last.weights.h5",
    }
    run = run_folder.read(folder)
    assert run.history == {"epoch": [0, 1], **history}
    facts = run.facts
    assert facts["status"] == "finished"
    assert facts["config"] == {"rate": 0.5}
    assert (facts["data"], facts["seed"]) == ("sixteen rows", 7)
    assert facts["budget"] == {"epochs": 2, "steps_per_epoch": 1}
    assert facts["best"]["epoch"] == 1
    assert facts["best"]["value"] == history["loss"][1] == log.best
    timings = facts["timings"]
    assert len(timings["seconds_per_epoch"]) == 2
    assert sum(timings["seconds_per_epoch"]) <= timings["seconds"]
    assert timings["started"] < timings["ended"]
    assert timings["started"].endswith("+00:00")


def test_weights_are_those_of_the_plain_model_best_and_last(tmp_path):
    source, labels, _ = small.arrays()
    model = small.dense_model(batch_norm=True)
    trainer = small.compiled(kt.DomainAdaptation(model, "dann"))
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            # The second epoch is made the best.
            logs["score_accuracy"] = [0.1, 0.9, 0.5][epoch]
            seen.append(model.get_weights())

    log = kt.callbacks.RunLog(tmp_path, monitor="score_accuracy")
    trainer.fit(
        small.pairs(),
        epochs=3,
        validation_data=(source, labels),
        callbacks=[Watch(), log],
        verbose=0,
    )
    for name, epoch in (("best", 1), ("last", 2)):
        other = small.dense_model(batch_norm=True)
        other.load_weights(tmp_path / f"{name}.weights.h5")
        for one, two in zip(other.get_weights(), seen[epoch], strict=True):
            np.testing.assert_array_equal(one, two)
    assert run_folder.read(tmp_path).facts["best"]["epoch"] == 1


def test_a_continued_training_keeps_what_was_before(tmp_path):
    model = _model()
    config = {"a": 1}
    first = _fit(kt.callbacks.RunLog(tmp_path, config), model, 3).history
    before = run_folder.read(tmp_path)
    second = _fit(
        kt.callbacks.RunLog(tmp_path, config), model, 4, initial_epoch=2
    ).history
    run = run_folder.read(tmp_path)
    assert run.history["epoch"] == [0, 1, 2, 3]
    assert run.history["loss"] == first["loss"][:2] + second["loss"]
    timings, earlier = run.facts["timings"], before.facts["timings"]
    assert timings["started"] == earlier["started"]
    assert timings["seconds_per_epoch"][:2] == earlier["seconds_per_epoch"][:2]
    assert len(timings["seconds_per_epoch"]) == 4
    assert run.facts["budget"]["epochs"] == 4


def test_a_kept_best_stays_to_be_beaten(tmp_path):
    model = _model()
    _fit(kt.callbacks.RunLog(tmp_path), model, 2)
    facts = run_folder.read_facts(tmp_path)
    facts["best"] |= {"epoch": 0, "value": -1.0}
    run_folder.write_facts(tmp_path, facts)
    weights = (tmp_path / "best.weights.h5").read_bytes()
    log = kt.callbacks.RunLog(tmp_path)
    _fit(log, model, 3, initial_epoch=2)
    assert log.best == -1.0
    assert run_folder.read_facts(tmp_path)["best"]["epoch"] == 0
    assert (tmp_path / "best.weights.h5").read_bytes() == weights


def test_the_best_of_an_epoch_that_is_run_again_is_forgotten(tmp_path):
    model = _model()
    _fit(kt.callbacks.RunLog(tmp_path), model, 2)
    facts = run_folder.read_facts(tmp_path)
    facts["best"] |= {"epoch": 1, "value": -1.0}
    run_folder.write_facts(tmp_path, facts)
    log = kt.callbacks.RunLog(tmp_path)
    loss = _fit(log, model, 2, initial_epoch=1).history["loss"]
    assert log.best == loss[0]


@pytest.mark.parametrize("place", ["before", "after"])
def test_it_goes_on_with_backup_and_restore(tmp_path, place):
    def callbacks():
        log = kt.callbacks.RunLog(tmp_path / "run")
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        return [log, backup] if place == "before" else [backup, log]

    with pytest.raises(KeyboardInterrupt):
        _model().fit(
            X, Y, epochs=4, verbose=0, callbacks=[*callbacks(), Stop(2)]
        )
    _model().fit(X, Y, epochs=4, verbose=0, callbacks=callbacks())
    whole = _model().fit(X, Y, epochs=4, verbose=0).history["loss"]
    history = run_folder.read(tmp_path / "run").history
    assert history["epoch"] == [0, 1, 2, 3]
    np.testing.assert_allclose(history["loss"], whole, rtol=1e-6)


def test_a_training_from_the_beginning_starts_the_folder_anew(tmp_path):
    log = kt.callbacks.RunLog(tmp_path)
    _fit(log, epochs=3)
    log.record(old=1)
    (tmp_path / "evidence.npz").write_text("of the run before")
    _fit(kt.callbacks.RunLog(tmp_path), epochs=1)
    run = run_folder.read(tmp_path)
    assert run.history["epoch"] == [0]
    assert run.facts["figures"] == {}
    assert not (tmp_path / "evidence.npz").exists()


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize(
    ("others", "what"),
    [
        ({"config": {"a": 2}}, "config: it was {'a': 1} and is {'a': 2}"),
        ({"seed": 1}, "seed: it was 0 and is 1"),
        ({"data": "b"}, "data: it was 'a' and is 'b'"),
    ],
)
def test_another_run_is_refused_and_stays(tmp_path, others, what, epoch):
    given = {"config": {"a": 1}, "seed": 0, "data": "a"}
    _fit(kt.callbacks.RunLog(tmp_path, **given))
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*")}
    with pytest.raises(ValueError, match="holds a run of another") as error:
        _fit(
            kt.callbacks.RunLog(tmp_path, **given | others),
            initial_epoch=epoch,
        )
    assert what in str(error.value)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.*")} == before


def test_another_model_is_refused(tmp_path):
    _fit(kt.callbacks.RunLog(tmp_path))
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="another model"):
        model.fit(
            np.ones((2, 5)),
            np.ones((2, 1)),
            verbose=0,
            callbacks=[kt.callbacks.RunLog(tmp_path)],
        )


def test_the_same_trainer_made_again_is_the_same_run(tmp_path):
    for _ in range(2):  # Keras counts the names of layers up
        trainer = small.compiled(
            kt.DomainAdaptation(small.dense_model(), "dann")
        )
        log = kt.callbacks.RunLog(tmp_path)
        trainer.fit(small.pairs(), callbacks=[log], verbose=0)


def test_a_run_that_raises_is_interrupted(tmp_path):
    log = kt.callbacks.RunLog(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _fit(log, others=[Stop(0)], epochs=3)
    assert run_folder.read_facts(tmp_path)["status"] == "running"
    del log
    gc.collect()
    facts = run_folder.read_facts(tmp_path)
    assert facts["status"] == "interrupted"
    assert run_folder.read(tmp_path).history["epoch"] == [0]


def test_a_callback_that_goes_leaves_a_newer_session_alone(tmp_path):
    old = kt.callbacks.RunLog(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _fit(old, others=[Stop(0)], epochs=3)
    _fit(kt.callbacks.RunLog(tmp_path), epochs=3, initial_epoch=1)
    del old
    gc.collect()
    assert run_folder.read_facts(tmp_path)["status"] == "finished"


def test_a_crash_while_saving_leaves_the_weights_whole(tmp_path, monkeypatch):
    model = _model()
    _fit(kt.callbacks.RunLog(tmp_path), model, 1)
    before = (tmp_path / "last.weights.h5").read_bytes()

    def crash(self, filepath, *args, **kwargs):
        with open(filepath, "w") as file:
            file.write("half")
        raise OSError("disk full")

    monkeypatch.setattr(type(model), "save_weights", crash)
    with pytest.raises(OSError, match="disk full"):
        _fit(kt.callbacks.RunLog(tmp_path), model, 2, initial_epoch=1)
    assert (tmp_path / "last.weights.h5").read_bytes() == before


def test_a_value_that_is_not_logged(tmp_path):
    log = kt.callbacks.RunLog(tmp_path, monitor="los")
    with pytest.raises(ValueError, match=r"'los', which is not logged.*'loss'"):
        _fit(log)


def test_validation_now_and_then(tmp_path):
    log = kt.callbacks.RunLog(tmp_path, monitor="val_loss")
    _fit(log, epochs=4, validation_data=(X, Y), validation_freq=2)
    run = run_folder.read(tmp_path)
    assert run.facts["best"]["epoch"] == 3
    assert [v is None for v in run.history["val_loss"]] == [True, False] * 2


def test_validation_never_is_a_warning_at_the_end(tmp_path):
    log = kt.callbacks.RunLog(tmp_path, monitor="val_loss")
    with pytest.warns(UserWarning, match="'val_loss', which was never"):
        _fit(log)
    assert (tmp_path / "last.weights.h5").exists()
    assert not (tmp_path / "best.weights.h5").exists()


def test_a_loss_that_is_no_number_is_written_and_not_the_best(tmp_path):
    model = _model()
    model.layers[-1].bias.assign([np.nan])
    _fit(kt.callbacks.RunLog(tmp_path), model)
    run = run_folder.read(tmp_path)
    assert np.isnan(run.history["loss"]).all()
    assert run.facts["best"]["value"] is None
    assert run.facts["status"] == "finished"


def test_figures_are_recorded_and_records_too(tmp_path):
    log = kt.callbacks.RunLog(tmp_path)
    with pytest.raises(ValueError, match="Pass it to fit first"):
        log.record(a=1)
    _fit(log)
    gap = kt.transferability.NegativeTransferGap(0.1, (0.0, 0.2), 0.3, 0.2, 9)
    log.record(accuracy=np.float32(0.5), gap=gap)
    log.record(more="text")
    figures = json.loads((tmp_path / "run.json").read_text())["figures"]
    assert figures["gap"]["interval"] == [0.0, 0.2]
    assert (figures["accuracy"], figures["more"]) == (0.5, "text")
    with pytest.raises(ValueError, match="`figures`"):
        log.record(bad=object())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"config": [1]}, "`config`.*a dict"),
        ({"config": {"a": object()}}, "`config`.*what JSON can hold"),
        ({"data": {1, 2}}, "`data`"),
        ({"mode": "best"}, "`mode`"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        kt.callbacks.RunLog("run", **given)


def test_no_epoch_no_file(tmp_path):
    folder = tmp_path / "run"
    _fit(kt.callbacks.RunLog(folder), epochs=0)
    assert list(folder.iterdir()) == []
