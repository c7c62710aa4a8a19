"""Entry point of the `keras-transfer` command.

A command is a module with `add_parser(commands)`, which sets `run` to a
function of the parsed arguments. It returns what `--json` prints, prints its
table through `output.Reporter`, and raises `ValueError` for bad input. Heavy
imports happen inside `run`, so that `--help` answers at once.
"""

import argparse
import logging
import sys

from keras_transfer._version import __version__
from keras_transfer.cli import adapt
from keras_transfer.cli import export
from keras_transfer.cli import finetune
from keras_transfer.cli import output
from keras_transfer.cli import quickstart
from keras_transfer.cli import rank
from keras_transfer.cli import report
from keras_transfer.cli import run
from keras_transfer.cli import serve_config
from keras_transfer.cli import verify
from keras_transfer.cli import versions
from keras_transfer.cli import zoo

COMMANDS = (
    quickstart,
    zoo,
    rank,
    adapt,
    finetune,
    run,
    export,
    verify,
    report,
    versions,
    serve_config,
)


def main(argv=None):
    """Runs the command line.

    Args:
        argv: Arguments without the program's name, by default `sys.argv`.

    Returns:
        The exit status: 0, 1 if what was looked at is not in order, or 2 for
        bad input.
    """
    parser = _Parser(
        prog="keras-transfer",
        description="Transfer learning for Keras 3 on TensorFlow.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND"
    )
    for command in COMMANDS:
        command.add_parser(commands)
    arguments = parser.parse_args(argv)
    # Every model of a comparison is a new graph: that is no mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with output.only_json_on_stdout(arguments.json) as reporter:
        try:
            result = arguments.run(arguments, reporter)
        except (ValueError, OSError, ImportError) as error:
            message = " ".join(str(error).split())
            print(f"keras-transfer: {message}", file=sys.stderr)
            return 2
        reporter.finish(result)
    return reporter.status


class _Parser(argparse.ArgumentParser):
    """One line on standard error, as for every other bad input."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")
