"""Lines and records of text files, packed or not."""

import contextlib
import csv
import gzip
import pathlib

from keras_transfer._public import invalid_argument

#: Files that are read sooner show no progress bar.
SECONDS_WITHOUT_PROGRESS = 1.0


@contextlib.contextmanager
def opened(path):
    """Opens a UTF-8 file, also if it is packed by gzip.

    Args:
        path: The file; one that ends in .gz is unpacked as it is read.

    Yields:
        A text file, without a byte order mark and with its line ends.

    Raises:
        ValueError: If it is no file, damaged, or not UTF-8, with the line.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise invalid_argument("path", str(path), "the path of a file")
    is_packed = path.suffix.lower() == ".gz"
    opener = gzip.open if is_packed else open
    try:
        # Line ends inside of quotes are the user's.
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} is not UTF-8: byte {error.object[error.start]:#x} "
            f"in {_place(path, opener)}. Convert it, as with `iconv -f latin1 "
            "-t utf-8`."
        ) from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValueError(
            f"{str(path)!r} is no whole gzip file ({error}). Fetch or pack it "
            "again."
        ) from error


def csv_rows(path, delimiter=",", quoting=csv.QUOTE_MINIMAL):
    """Reads the rows of a table with a header.

    Empty lines are passed over, and so are spaces after a delimiter.

    Args:
        path: The file.
        delimiter: One character between the cells.
        quoting: As for `csv.reader`.

    Yields:
        Lists of strings, the header first, all of one length.

    Raises:
        ValueError: If there is no header, a row has another number of cells,
            or the file cannot be read.
    """
    with opened(path) as file:
        reader = csv.reader(
            file,
            delimiter=delimiter,
            quoting=quoting,
            skipinitialspace=True,
            strict=True,
        )
        try:
            header = next((row for row in reader if row), None)
            _check_header(path, header, delimiter)
            yield header
            width = len(header)
            for row in reader:
                if len(row) == width:
                    yield row
                elif row:
                    raise ValueError(
                        f"Line {reader.line_num} of {str(path)!r} has "
                        f"{len(row)} cells and the header {width}. Mend the "
                        "line, or give the delimiter that the file has."
                    )
        except csv.Error as error:
            raise ValueError(
                f"Line {reader.line_num} of {str(path)!r} is no row of a "
                f"table: {error}. Mend its quotes."
            ) from error


def _check_header(path, header, delimiter):
    if header is None:
        raise ValueError(
            f"{str(path)!r} is empty. Expected a line with the names of the "
            "columns and a row or more."
        )
    names = [name.strip() for name in header]
    if "" in names or len(set(names)) < len(names):
        odd = next(n for n in names if not n or names.count(n) > 1)
        raise ValueError(
            f"The first line of {str(path)!r} must name the columns, each "
            f"once. Received: {odd!r} {names.count(odd)} times."
        )
    if len(names) == 1 and delimiter == ",":
        other = next((c for c in ";\t|" if c in names[0]), None)
        if other:
            raise invalid_argument(
                "delimiter",
                delimiter,
                f"the character between the columns, {other!r} as it seems",
            )


def _place(path, opener):
    """Where the first line that is not UTF-8 stands."""
    with opener(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"line {number}"
    return "the last line"
