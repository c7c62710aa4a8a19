"""A run that is cut and resumed ends as one that was never cut."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests.adaptation import small
from tests.helpers import to_numpy

EPOCHS = 4


class _Cut(Exception):
    """The power cut."""


class CutAfter(keras.callbacks.Callback):
    """Ends the run after an epoch, as a crash would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise _Cut


def _new_trainer(batch_norm, alignment="dann"):
    model = small.dense_model(dropout=0.3, batch_norm=True, seed=None)
    if alignment == "dann":
        alignment = kt.alignment.DomainAdversarial(
            discriminator=kt.layers.DomainDiscriminator((6,), dropout=0.2)
        )
    return small.compiled(
        kt.DomainAdaptation(model, alignment, batch_norm=batch_norm)
    )


def _fit(trainer, *callbacks):
    source, labels, target = small.arrays(24, 30)
    data = kt.data.pair_domains((source, labels), target, 8, seed=11)
    trainer.fit(data, epochs=EPOCHS, verbose=0, callbacks=list(callbacks))


@pytest.mark.slow
@pytest.mark.parametrize(
    "batch_norm, alignment",
    [
        ("shared", "dann"),
        ("separate", "dann"),
        ("domain_specific", "dann"),
        ("shared", None),
    ],
)
def test_resumed_run_ends_with_the_same_weights(
    batch_norm, alignment, tmp_path
):
    keras.utils.set_random_seed(0)
    unbroken = _new_trainer(batch_norm, alignment)
    _fit(unbroken)

    keras.utils.set_random_seed(0)
    with pytest.raises(_Cut):
        _fit(
            _new_trainer(batch_norm, alignment),
            keras.callbacks.BackupAndRestore(str(tmp_path)),
            CutAfter(2),
        )
    keras.utils.set_random_seed(99)  # a new process knows nothing of the old
    resumed = _new_trainer(batch_norm, alignment)
    assert small.largest_difference(unbroken.model, resumed.model) > 1e-3
    seen = CutAfter(-1)
    begun = []
    seen.on_epoch_begin = lambda epoch, logs=None: begun.append(epoch)
    _fit(resumed, keras.callbacks.BackupAndRestore(str(tmp_path)), seen)
    assert begun == [2, 3]

    small.assert_same_weights(unbroken, resumed)
    _assert_same_optimizer(unbroken, resumed)


def _assert_same_optimizer(first, second):
    pairs = zip(
        first.optimizer.variables, second.optimizer.variables, strict=True
    )
    for one, other in pairs:
        np.testing.assert_array_equal(
            to_numpy(one), to_numpy(other), err_msg=one.path
        )


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", ["shared", "separate"])
def test_saved_trainer_reloads_and_goes_on(batch_norm, tmp_path):
    keras.utils.set_random_seed(0)
    trainer = _new_trainer(batch_norm)
    _fit(trainer)
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.models.load_model(tmp_path / "trainer.keras")
    small.assert_same_weights(trainer, loaded)
    _fit(trainer)
    _fit(loaded)
    small.assert_same_weights(trainer, loaded)
    _assert_same_optimizer(trainer, loaded)


def test_saved_trainer_of_a_subclassed_model(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class Saved(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.hidden = keras.layers.Dense(8, name="hidden")
            self.logits = keras.layers.Dense(3, name="logits")

        def build(self, input_shape):
            self.hidden.build(input_shape)
            self.logits.build((None, 8))

        def call(self, inputs):
            return self.logits(self.hidden(inputs))

    model = Saved()
    model.build((None, 4))
    trainer = small.adapted(model, "dann", features="hidden")
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.models.load_model(tmp_path / "trainer.keras")
    small.assert_same_weights(trainer, loaded)
