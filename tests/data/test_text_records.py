"""Lines and records of text files."""

import gzip

import pytest

from keras_transfer.data import text_records


def _write(path, content, packed=False):
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_rows_are_read_as_written(tmp_path, packed):
    path = _write(
        tmp_path / ("a.csv" + ".gz" * packed),
        '\ufeffa,b\r\n1, "x, ""y"""\r\n\r\n"two\nlines",\r\n\n',
        packed,
    )
    assert list(text_records.csv_rows(path)) == [
        ["a", "b"],
        ["1", 'x, "y"'],
        ["two\nlines", ""],
    ]


def test_delimiters_differ(tmp_path):
    path = _write(tmp_path / "a.csv", "a;b\n1,5;2\n")
    rows = list(text_records.csv_rows(path, delimiter=";"))
    assert rows == [["a", "b"], ["1,5", "2"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,a\n", "'a' 2 times"),
        ("a,\n", "'' 1 times"),
        ("a;b\n1;2\n", "';' as it seems"),
        ("a,b\n1,2\n1,2,3\n", "Line 3 .* 3 cells and the header 2"),
        ('a,b\n1,"open\n', "Mend its quotes"),
        (b"a,b\n1,2\n3,caf\xe9\n", "byte 0xe9 in line 3"),
    ],
    ids=[
        "empty",
        "blank",
        "twice",
        "unnamed",
        "delimiter",
        "ragged",
        "quotes",
        "latin1",
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    path = _write(tmp_path / "a.csv", content)
    with pytest.raises(ValueError, match=message):
        list(text_records.csv_rows(path))


def test_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the path of a file"):
        list(text_records.csv_rows(tmp_path / "none.csv"))


@pytest.mark.parametrize("kept", [10, 40], ids=["header", "part"])
def test_half_a_packed_file_is_refused(tmp_path, kept):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 10 + bytes(range(32, 90)))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[:kept])
    with pytest.raises(ValueError, match="no whole gzip file"):
        list(text_records.csv_rows(path))


def test_what_is_not_packed_is_refused(tmp_path):
    path = _write(tmp_path / "a.csv.gz", "a,b\n")
    with pytest.raises(ValueError, match="no whole gzip file"):
        list(text_records.csv_rows(path))
