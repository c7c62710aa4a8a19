"""Types of command-line options."""

import argparse

import pytest

from keras_transfer.cli import options


def test_positive_takes_positive_integers():
    assert options.positive("12") == 12


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_positive_refuses_the_rest(text):
    with pytest.raises(argparse.ArgumentTypeError, match="positive integer"):
        options.positive(text)
