"""What commands print: a readable table, or one JSON object."""

import contextlib
import json
import os
import shlex
import sys

from keras_transfer import _files
from keras_transfer import _tables

FAILED = 1


class Reporter:
    """Prints for people, unless JSON was asked for.

    Args:
        as_json: Whether one JSON object is printed and nothing else.

    Attributes:
        status: The exit status of a command that came to its end, `FAILED`
            if what it looked at is not in order.
    """

    def __init__(self, as_json):
        self.as_json = as_json
        self.result = None
        self.status = 0

    def line(self, text=""):
        """Prints a line; nothing with `--json`."""
        if not self.as_json:
            print(text, flush=True)

    def table(self, headers, rows):
        """Prints aligned columns, as `_tables.lines` does."""
        for line in _tables.lines(headers, rows):
            self.line(line)

    def finish(self, result):
        """Takes what `--json` prints when the command has ended."""
        self.result = result


@contextlib.contextmanager
def only_json_on_stdout(as_json):
    """Keeps standard output clean for the JSON object.

    Libraries, C++ ones among them, print where they like; with `--json` all
    of it goes to standard error.

    Args:
        as_json: Whether `--json` was given.

    Yields:
        A `Reporter`.
    """
    reporter = Reporter(as_json)
    if not as_json:
        yield reporter
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield reporter
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    if reporter.result is not None:
        print(json.dumps(reporter.result), flush=True)


def report_hint(reporter, folder):
    """Says how to see all of a folder of runs on one page."""
    name = shlex.quote(str(folder))
    reporter.line("All of it on one page:")
    reporter.line(f"  keras-transfer report {name} --out report.html")


def write_json(path, contents):
    """Writes a JSON file whole or not at all."""
    write_text(path, json.dumps(contents, indent=1) + "\n")


def write_text(path, text):
    """Writes a text file whole or not at all."""
    with _files.written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
