"""The words of errors and the names in saved files."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import _public


def test_an_error_is_one_sentence():
    error = _public.invalid_argument("rate", -1, "a positive number")
    assert str(error) == (
        "Invalid value for argument `rate`. Expected a positive number. "
        "Received: rate=-1"
    )


def test_an_error_may_say_how_to_mend_it():
    error = _public.invalid_argument("rate", -1, "one", "Give one.")
    assert str(error).endswith("Received: rate=-1. Give one.")


@pytest.mark.parametrize(
    "name, close",
    [("dam", "'dan' or 'dann'"), ("corl", "'coral'"), ("xyz", None)],
)
def test_an_unknown_name_lists_the_known_and_the_closest(name, close):
    error = str(_public.unknown_name("term", name, ["dan", "dann", "coral"]))
    assert "Expected one of 'dan', 'dann', 'coral'" in error
    assert f"Did you mean {close}?" in error if close else "mean" not in error


def test_two_families_may_use_one_word():
    @_public.public("first")
    class Same:
        def get_config(self):
            return {}

    first = Same

    @_public.public("second")
    class Same:  # noqa: F811
        def get_config(self):
            return {}

    for family, expected in (("first", first), ("second", Same)):
        name = f"keras_transfer>{family}.Same"
        assert keras.saving.get_registered_object(name) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2, True), (np.int8(3), True), (1, False), (2.0, False), (True, False)],
)
def test_what_an_integer_is(value, expected):
    assert bool(_public.is_integer(value, least=2)) is expected


@pytest.mark.parametrize("value", [1, np.int64(3)])
def test_integers_come_back_as_such(value):
    checked = _public.checked_integer("rounds", value, least=1)
    assert type(checked) is int
    assert checked == value


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True, np.True_, None])
def test_what_is_no_integer_or_too_small_is_refused(value):
    with pytest.raises(ValueError, match="`rounds`. Expected an integer of 1"):
        _public.checked_integer("rounds", value, least=1)


def test_version_is_a_version():
    parts = kt.__version__.split(".")
    assert len(parts) == 3
    assert all(part.isdigit() for part in parts)


def test_unknown_attribute_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'domian'"):
        kt.domian  # noqa: B018


def test_saved_layers_load_in_a_process_that_imports_the_package_only(tmp_path):
    model = keras.Sequential(
        [keras.Input((3,)), kt.layers.GradientReversal(0.3)]
    )
    model.save(tmp_path / "model.keras")
    code = (
        "import sys, keras, keras_transfer; "
        "model = keras.models.load_model(sys.argv[1]); "
        "sys.exit(0 if model.layers[-1].strength == 0.3 else 1)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.keras")],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
