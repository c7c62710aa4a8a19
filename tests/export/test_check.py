"""One thing that was looked at."""

import dataclasses

import pytest

from keras_transfer import export


def test_a_check_does_not_change():
    check = export.Check("size", "pass")
    assert (check.name, check.status, check.text) == ("size", "pass", "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        check.status = "fail"


def test_equal_checks_are_equal():
    assert export.Check("size", "pass") == export.Check("size", "pass", "")
    assert export.Check("size", "pass") != export.Check("size", "warn")
