import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests.adaptation import small
from tests.helpers import to_numpy


def _run(callback, model, values):
    """Feeds a callback one logged value per epoch."""
    trainer = kt.DomainAdaptation(model, None)
    callback.set_model(trainer)
    for epoch, value in enumerate(values):
        marker = np.full(small.CLASSES, float(epoch), "float32")
        model.get_layer("logits").bias.assign(marker)
        callback.on_epoch_end(epoch, {"val_loss": value})


def _saved_epoch(path):
    loaded = keras.models.load_model(path)
    return to_numpy(loaded.get_layer("logits").bias)[0]


@pytest.mark.parametrize(
    "mode, values, epoch",
    [
        ("min", [3.0, 1.0, 2.0], 1),
        ("max", [3.0, 1.0, 2.0], 0),
        ("max", [1.0, 2.0, 2.0], 1),
        ("min", [float("nan"), 5.0, float("nan")], 1),
        ("max", [float("nan"), 5.0, 6.0], 2),
    ],
)
def test_the_best_epoch_is_kept(mode, values, epoch, tmp_path):
    path = tmp_path / "deeper" / "best.keras"
    callback = kt.callbacks.BestPlainModel(path, mode=mode)
    _run(callback, small.dense_model(), values)
    assert _saved_epoch(path) == epoch
    assert callback.best == values[epoch]


def test_nothing_is_saved_where_nothing_is_a_number(tmp_path):
    path = tmp_path / "best.keras"
    callback = kt.callbacks.BestPlainModel(path)
    _run(callback, small.dense_model(), [float("nan")])
    assert callback.best is None
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_a_plain_model(tmp_path):
    path = tmp_path / "best.keras"
    source, labels, _ = small.arrays()
    model = small.dense_model(batch_norm=True)
    trainer = small.compiled(kt.DomainAdaptation(model, "dann"))
    trainer.fit(
        small.pairs(),
        validation_data=(source, labels),
        callbacks=[kt.callbacks.BestPlainModel(path)],
        verbose=0,
    )
    loaded = keras.models.load_model(path)
    assert type(loaded) is keras.Model or type(loaded).__module__.startswith(
        "keras."
    )
    assert len(loaded.variables) == len(model.variables)
    np.testing.assert_array_equal(loaded(source), model(source))


def test_it_serves_ordinary_models_too(tmp_path):
    path = tmp_path / "best.keras"
    source, labels, _ = small.arrays()
    model = small.compiled(small.dense_model())
    callback = kt.callbacks.BestPlainModel(path, monitor="loss")
    model.fit(source, labels, callbacks=[callback], verbose=0)
    np.testing.assert_array_equal(
        keras.models.load_model(path)(source), model(source)
    )


def test_a_crash_leaves_the_previous_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "best.keras"
    model = small.dense_model()
    callback = kt.callbacks.BestPlainModel(path)
    _run(callback, model, [3.0])

    def crash(self, filepath, *args, **kwargs):
        with open(filepath, "w") as file:
            file.write("half")
        raise OSError("disk full")

    monkeypatch.setattr(type(model), "save", crash)
    with pytest.raises(OSError, match="disk full"):
        callback.on_epoch_end(1, {"val_loss": 1.0})
    assert _saved_epoch(path) == 0


def test_a_value_that_is_not_logged_is_an_error(tmp_path):
    callback = kt.callbacks.BestPlainModel(tmp_path / "a.keras", "val_acc")
    with pytest.raises(ValueError, match=r"'val_acc'.*one of \['val_loss'\]"):
        _run(callback, small.dense_model(), [1.0])


def test_wrong_file_name():
    with pytest.raises(ValueError, match="`filepath`.*ends in .keras"):
        kt.callbacks.BestPlainModel("best.h5")


def test_wrong_mode():
    with pytest.raises(ValueError, match="`mode`.*'min' or 'max'"):
        kt.callbacks.BestPlainModel("best.keras", mode="best")


@pytest.mark.parametrize(
    "monitor, mode",
    [("val_loss", "min"), ("val_accuracy", "max"), ("auc", "max")],
)
def test_auto_mode_follows_the_name(monitor, mode):
    callback = kt.callbacks.BestPlainModel("best.keras", monitor)
    assert callback.mode == mode


def test_a_continued_run_does_not_overwrite_a_better_file(tmp_path):
    path = tmp_path / "best.keras"
    callback = kt.callbacks.BestPlainModel(path, initial_value_threshold=0.5)
    _run(callback, small.dense_model(), [0.9, 0.6])
    assert not path.exists()
    assert callback.best == 0.5
