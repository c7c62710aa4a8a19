"""What commands print: a readable table, or one JSON object."""

import contextlib
import json
import os
import sys


class Reporter:
    """Prints for people, unless JSON was asked for.

    Args:
        stdout: Where the result goes.
        as_json: Whether to print one JSON object and nothing else.
    """

    def __init__(self, stdout, as_json):
        self._stdout = stdout
        self.as_json = as_json

    def line(self, text=""):
        """Prints a line; nothing with `--json`."""
        if not self.as_json:
            print(text, file=self._stdout, flush=True)

    def table(self, headers, rows):
        """Prints rows of text and numbers in aligned columns."""
        cells = [list(headers), *([_cell(c) for c in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for index, row in enumerate(cells):
            first, *rest = (
                text.ljust(width) if column == 0 else text.rjust(width)
                for column, (text, width) in enumerate(
                    zip(row, widths, strict=True)
                )
            )
            self.line("  ".join([first, *rest]))
            if index == 0:
                self.line("  ".join("-" * width for width in widths))

    def finish(self, result):
        """Prints the JSON object, if that was asked for."""
        if self.as_json:
            print(json.dumps(result), file=self._stdout, flush=True)


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
    if not as_json:
        yield Reporter(sys.stdout, as_json=False)
        return
    sys.stdout.flush()
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # a captured stream without a file, as in tests
        stdout = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):
            yield Reporter(stdout, as_json=True)
        return
    kept = os.dup(descriptor)
    os.dup2(sys.stderr.fileno(), descriptor)
    try:
        with os.fdopen(os.dup(kept), "w") as stdout:
            yield Reporter(stdout, as_json=True)
    finally:
        sys.stdout.flush()
        os.dup2(kept, descriptor)
        os.close(kept)


def write_json(path, contents):
    """Writes a JSON file whole or not at all."""
    partial = path.with_name(f".partial_{path.name}")
    partial.write_text(json.dumps(contents, indent=1) + "\n")
    partial.replace(path)


def _cell(value):
    return f"{value:.3f}" if isinstance(value, float) else str(value)
