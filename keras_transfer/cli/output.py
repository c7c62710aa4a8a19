"""What commands print: a readable table, or one JSON object."""

import contextlib
import json
import os
import re
import sys

from keras_transfer import _files

FAILED = 1
#: A cell in a column of numbers, as 7, -0.250, 2,257,984, nan or unknown.
_NUMBER = re.compile(r"-|[+-]?(\d[\d,]*(\.\d+)?|nan|inf)")


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
        """Prints aligned columns: text to the left, numbers to the right.

        A column is of numbers if every cell below its header is one, or "-"
        for a number that is not known.
        """
        cells = [list(headers), *([_cell(c) for c in row] for row in rows)]
        columns = [_aligned(column) for column in zip(*cells, strict=True)]
        lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
        rule = "  ".join("-" * len(column[0]) for column in columns)
        for line in (lines[0], rule, *lines[1:]):
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


def write_json(path, contents):
    """Writes a JSON file whole or not at all."""
    write_text(path, json.dumps(contents, indent=1) + "\n")


def write_text(path, text):
    """Writes a text file whole or not at all."""
    with _files.written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _cell(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _aligned(column):
    """The cells of a column, header first, all of one width."""
    width = max(map(len, column))
    is_numbers = all(_NUMBER.fullmatch(cell) for cell in column[1:])
    align = str.rjust if is_numbers else str.ljust
    return [align(cell, width) for cell in column]
