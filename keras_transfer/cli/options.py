"""Types of command-line options."""

import argparse


def positive(text):
    """A positive integer.

    Raises:
        argparse.ArgumentTypeError: For anything else.
    """
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"expected a positive integer, received {text!r}"
        )
    return int(text)
