import sys

import keras
import pytest

import keras_transfer as kt
from keras_transfer.callbacks import run_facts
from tests.adaptation import small


class Subclass(keras.Model):
    """A model without a graph."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def test_versions_are_those_of_the_modules():
    found = run_facts.versions()
    assert found["keras"] == keras.__version__
    assert found["keras_transfer"] == kt.__version__
    assert set(found) == {
        "python",
        "keras",
        "tensorflow",
        "numpy",
        "keras_transfer",
    }


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["/bin/keras-transfer", "adapt", "a b"], "keras-transfer adapt 'a b'"),
        (["/x/ipykernel_launcher.py", "-f", "k.json"], None),
        (["-c"], None),
        ([""], None),
    ],
)
def test_the_command_without_the_program_s_folder(argv, command, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    assert run_facts.command() == command


def test_the_machine_in_numbers():
    found = run_facts.machine()
    assert found["cores"] >= 1
    assert found["gpus"] >= 0


def test_a_trainer_with_its_settings_and_the_model_by_name():
    model = small.dense_model()
    trainer = kt.DomainAdaptation(model, "dann", batch_norm="shared")
    trainer.compile(
        keras.optimizers.SGD(0.5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    found = run_facts.of_training(trainer)
    assert found["trainer"]["class"] == "keras_transfer.DomainAdaptation"
    assert found["trainer"]["config"]["batch_norm"] == "shared"
    assert "model" not in found["trainer"]["config"]
    assert found["model"]["parameters"] == model.count_params()
    assert found["model"]["outputs"][0]["shape"] == [None, small.CLASSES]
    assert found["optimizer"]["class"] == "keras.SGD"
    assert found["optimizer"]["config"]["learning_rate"] == 0.5
    assert found["loss"] == "sparse_categorical_crossentropy"


def test_a_plain_model_without_a_graph_that_is_not_compiled():
    found = run_facts.of_training(Subclass())
    assert found["trainer"] is None
    assert found["optimizer"] is None
    assert found["loss"] is None
    assert found["model"]["parameters"] is None
    assert found["model"]["class"].endswith("Subclass")


def test_a_schedule_and_losses_by_name():
    model = small.dense_model()
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(
        keras.optimizers.Adam(rate), [keras.losses.mean_squared_error]
    )
    found = run_facts.of_training(model)
    schedule = found["optimizer"]["config"]["learning_rate"]
    assert schedule["class_name"] == "ExponentialDecay"
    assert found["loss"] == ["mean_squared_error"]
