"""Files with one text a row."""

import gzip
import json

import numpy as np
import pytest

import keras_transfer as kt
from tests.subspace import shared_data

ROWS = [("good", 'A fine, "long" book.'), ("bad", "Öde."), ("good", "Nice")]


def _content(kind):
    if kind == ".jsonl":
        lines = [json.dumps({"label": y, "text": x}) for y, x in ROWS]
        return "\n".join([*lines, ""])
    if kind == ".tsv":
        return "".join(f"{y}\t{x}\n" for y, x in [("label", "text"), *ROWS])
    quoted = ['"' + x.replace('"', '""') + '"' for _, x in ROWS]
    rows = [f"{y},{x}\n" for (y, _), x in zip(ROWS, quoted, strict=True)]
    return "label,text\n" + "".join(rows)


def _write(path, content):
    content = content if isinstance(content, bytes) else content.encode()
    packed = path.suffix == ".gz"
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@pytest.mark.parametrize("packed", ["", ".gz"], ids=["plain", "packed"])
@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl"])
def test_every_kind_is_read(tmp_path, kind, packed):
    path = _write(tmp_path / f"books{kind}{packed}", _content(kind))
    lines = kt.data.text_lines(path)
    assert lines.class_names == ["bad", "good"] and lines.num_rows == 3
    dataset = lines.batches("train", 2)
    texts = [text.decode() for x, _ in dataset for text in x.numpy()]
    labels = np.concatenate([y for _, y in dataset])
    assert texts == [text for _, text in ROWS]
    np.testing.assert_array_equal(labels, [1, 0, 1])
    assert lines.arrays("train")[0].tolist() == texts


def test_lines_of_text_have_no_labels(tmp_path):
    path = _write(tmp_path / "a.txt", "one\n\n  two \r\nthree")
    lines = kt.data.text_lines(path, label=None)
    assert lines.arrays().tolist() == ["one", "two", "three"]
    (batch,) = lines.batches("train")
    assert batch.numpy().tolist() == [b"one", b"two", b"three"]
    with pytest.raises(ValueError, match="a .txt file have no labels"):
        kt.data.text_lines(path)


def test_columns_may_have_other_names(tmp_path):
    rows = [
        {"stars": n % 2 + 1, "review": f"r{n}", "id": None} for n in range(10)
    ]
    path = _write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    lines = kt.data.text_lines(
        path, label="stars", text="review", validation_split=0.4
    )
    assert lines.class_names == ["1", "2"]
    assert lines.counts == {"train": 6, "validation": 4}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", "x", "ends in .txt, .csv, .tsv, .jsonl, or in that and .gz"),
        ("a.csv", "label,text\n", "has no text"),
        ("a.csv", "label,text\ngood,\n", "Row 1 of .* has no text"),
        ("a.csv", "label,text\n,fine\n", "'label' has no label in row 1"),
        ("a.csv", "y,text\na,b\n", "Invalid value for argument `label`"),
        ("a.csv", "label,x\na,b\n", "Invalid value for argument `text`"),
        (
            "a.tsv",
            b"label\ttext\na\tcaf\xe9\n",
            "not UTF-8: byte 0xe9 in line 2",
        ),
        ("a.jsonl", '{"label": 1, "text": "a"}\n{', "Line 2 of .* is no JSON"),
        ("a.jsonl", '{"label": 1}', "must be an object with 'text' and"),
        ("a.jsonl", "[1]", "must be an object with 'text' and"),
    ],
    ids=[
        "kind",
        "no_rows",
        "no_text",
        "no_label",
        "label_column",
        "text_column",
        "encoding",
        "broken_json",
        "key",
        "list",
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        kt.data.text_lines(_write(tmp_path / name, content))


@pytest.mark.skipif(
    not (shared_data.FOLDER / "text_reviews_fdumtl.json.gz").exists(),
    reason="needs ../shared/data",
)
def test_real_reviews_come_through_unchanged(tmp_path):
    path = shared_data.FOLDER / "text_reviews_fdumtl.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = json.load(file)["music"]["test"]
    lines = [json.dumps({"label": y, "text": x}) for y, x in rows]
    path = _write(tmp_path / "music.jsonl.gz", "\n".join(lines))
    found = kt.data.text_lines(path)
    texts, labels = found.arrays("train")
    assert texts.tolist() == [text.strip() for _, text in rows]
    np.testing.assert_array_equal(labels, [label for label, _ in rows])
