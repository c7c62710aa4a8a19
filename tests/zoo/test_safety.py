"""Whether Keras is in safe mode, asked without its private parts."""

import subprocess
import sys

import keras
import pytest

from keras_transfer.zoo import safety


@keras.saving.register_keras_serializable(package="test")
class Program(keras.layers.Layer):
    """A layer that must not come from a file that is not trusted."""

    @classmethod
    def from_config(cls, config):
        safety.refuse_in_safe_mode("Program")
        return cls(**config)


@pytest.fixture
def path(tmp_path):
    model = keras.Sequential([keras.Input((2,)), Program()])
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_files_are_refused_in_safe_mode(path):
    with pytest.raises(ValueError, match="Program.*safe_mode=False"):
        keras.saving.load_model(path)
    assert keras.saving.load_model(path, safe_mode=False).built


def test_configs_are_refused_in_safe_mode(path):
    config = keras.saving.serialize_keras_object(Program())
    with pytest.raises(ValueError, match="Program"):
        keras.saving.deserialize_keras_object(config)
    keras.saving.deserialize_keras_object(config, safe_mode=False)


def test_copies_in_the_same_process_are_allowed(path):
    assert Program.from_config(Program().get_config()).name.startswith(
        "program"
    )


def test_unsafe_deserialization_can_be_enabled(path):
    code = (
        "import keras, tests.zoo.test_safety as t;"
        "keras.config.enable_unsafe_deserialization();"
        f"keras.saving.load_model({str(path)!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
