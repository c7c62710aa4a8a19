"""Tables in CSV files, with missing values."""

import gzip
import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from tests.subspace import shared_data

ROWS = """age,job,town code,ill
31, clerk ,1,no
?,nurse,2,yes
58,,1,no
-7.5,NA,NA,yes
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text(ROWS)
    return path


def test_columns_are_told_by_what_is_in_them(path):
    table = kt.data.csv_table(path, label="ill")
    assert table.numeric == ["age", "town_code"]
    assert table.categorical == ["job"]
    assert table.columns == ["age", "town_code", "job"]
    assert table.class_names == ["no", "yes"] and table.num_rows == 4
    x, y = table.arrays("train")
    np.testing.assert_array_equal(x["age"], [31, np.nan, 58, -7.5])
    np.testing.assert_array_equal(x["town_code"], [1, 2, 1, np.nan])
    assert x["job"].tolist() == ["clerk", "nurse", "", ""]
    assert y.tolist() == [0, 1, 0, 1] and y.dtype == "int32"


def test_batches_are_tensors_of_what_arrays_hold(path):
    table = kt.data.csv_table(path, label="ill")
    x, y = table.arrays()
    batches = list(table.batches("train", 3))
    assert [len(labels) for _, labels in batches] == [3, 1]
    for name, column in x.items():
        found = np.concatenate([batch[name] for batch, _ in batches])
        if column.dtype == object:
            found = np.array([text.decode() for text in found])
        np.testing.assert_array_equal(found, column)
    assert batches[0][0]["age"].dtype == "float32"


def test_columns_may_be_named(path):
    table = kt.data.csv_table(
        path, categorical=["town code", "ill"], ignore=["job"]
    )
    assert table.numeric == ["age"] and table.labels is None
    x = table.arrays()
    assert x["town_code"].tolist() == ["1", "2", "1", ""]
    assert list(table.batches("train", 4))[0].keys() == x.keys()


def test_names_become_ones_that_can_be_served(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("größe (cm),2nd\n1,2\n")
    table = kt.data.csv_table(path, numeric=["größe (cm)"])
    assert table.columns == ["gr__e__cm_", "_2nd"]
    path.write_text("a b,a_b\n1,2\n")
    with pytest.raises(ValueError, match="'a b' and 'a_b' would both be"):
        kt.data.csv_table(path)


def test_other_missing_values_delimiters_and_packing(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a;b\n1,5;-9\n2;4\n"))
    table = kt.data.csv_table(path, delimiter=";", missing=("-9",))
    assert table.numeric == ["b"] and table.categorical == ["a"]
    np.testing.assert_array_equal(table.arrays()["b"], [np.nan, 4])


def test_labels_may_be_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,price\n1,2.5\n2,-1\n")
    table = kt.data.csv_table(path, label="price", label_kind="number")
    assert table.class_names is None and table.class_weight is None
    assert table.labels.tolist() == [2.5, -1.0]


def test_a_split_keeps_the_shares_of_the_classes(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{n},{'ab'[n % 5 == 0]}" for n in range(100)]
    path.write_text("\n".join(["x,y", *rows]))
    table = kt.data.csv_table(path, "y", validation_split=0.25, seed=2)
    x, y = table.arrays("validation")
    assert np.bincount(y).tolist() == [20, 5]
    train, _ = table.arrays("train")
    assert sorted([*x["x"], *train["x"]]) == list(range(100))
    assert table.class_weight == {0: 75 / (2 * 60), 1: 75 / (2 * 15)}


def test_inputs_fit_the_rows_and_are_served_by_name(path, tmp_path):
    table = kt.data.csv_table(path, label="ill")
    inputs = table.inputs()
    assert {name: x.dtype for name, x in inputs.items()} == {
        "age": "float32",
        "town_code": "float32",
        "job": "string",
    }
    preparation = kt.data.TablePreparation()
    preparation.adapt(table.batches("train"))
    model = keras.Model(inputs, keras.layers.Dense(1)(preparation(inputs)))
    x, _ = table.arrays()
    expected = model.predict(x, verbose=0)
    model.export(str(tmp_path / "served"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    tensors = {name: tf.constant(list(column)) for name, column in x.items()}
    np.testing.assert_allclose(served.serve(tensors), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "sick"}, "Invalid value for argument `label`.*'ill'"),
        ({"numeric": "age"}, r"a list, as \['age'\]"),
        ({"numeric": ["job"]}, "'clerk' in row 1. Name the column in"),
        ({"numeric": ["age"], "ignore": ["age"]}, "named in `numeric` and in"),
        ({"label": "age"}, "'age' has no label in row 2"),
        ({"label": "ill", "label_kind": "number"}, "'no' in row 1, which is"),
        ({"label_kind": "klass"}, "Did you mean 'class'"),
        ({"missing": "?"}, "a sequence of strings"),
        ({"validation_split": 1}, "at least 0 and below 1"),
        (
            {"label": "ill", "ignore": ["age", "job", "town code"]},
            "has no column besides the label",
        ),
    ],
    ids=[
        "label",
        "list",
        "numeric",
        "twice",
        "missing_label",
        "number",
        "kind",
        "missing",
        "split",
        "nothing_left",
    ],
)
def test_what_does_not_fit_is_refused(path, arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.data.csv_table(path, **arguments).arrays()


def test_a_table_without_rows_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match="names of columns and no row"):
        kt.data.csv_table(path)


def test_progress_is_shown_unless_silent(path, capsys, monkeypatch):
    # The function has the name of its module.
    module = importlib.import_module("keras_transfer.data.csv_table")
    monkeypatch.setattr(module, "SECONDS_WITHOUT_PROGRESS", 0)
    kt.data.csv_table(path)
    assert "Reading the table: 4 rows" in capsys.readouterr().err
    kt.data.csv_table(path, verbose=0)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_memory_stays_flat(tmp_path):
    """Peak of Python's memory, of a file and of one ten times as long."""
    import tracemalloc

    peaks = []
    for count in (6000, 60_000):
        path = tmp_path / f"{count}.csv"
        with open(path, "w") as file:
            file.write("a,b,y\n")
            for row in range(count):
                file.write(f"{row % 977},text {row},{row % 2}\n")
        tracemalloc.start()
        table = kt.data.csv_table(path, "y", verbose=0)
        dataset = table.batches(
            "train", 256, shuffle=True, seed=0, buffer_rows=2048
        )
        assert sum(len(y) for _, y in dataset) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Labels and the marks of held-out rows: a few bytes a row.
    assert peaks[1] - peaks[0] < 30 * 54_000


GERMAN = shared_data.FOLDER / "tabular_german_credit.csv"


@pytest.mark.skipif(not GERMAN.exists(), reason="needs ../shared/data")
def test_german_credit_is_read_as_the_archive_describes_it():
    table = kt.data.csv_table(GERMAN, label="class")
    assert len(table.numeric) == 7 and len(table.categorical) == 13
    assert table.num_rows == 1000 and table.class_names == ["1", "2"]
    assert np.bincount(table.labels).tolist() == [700, 300]
    x, _ = table.arrays()
    assert x["age"].min() == 19 and set(x["telephone"]) == {"A191", "A192"}


@pytest.mark.slow
@pytest.mark.skipif(not GERMAN.exists(), reason="needs ../shared/data")
def test_a_net_learns_german_credit_from_the_raw_file():
    from sklearn.metrics import roc_auc_score

    table = kt.data.csv_table(GERMAN, "class", validation_split=0.3)
    preparation = kt.data.TablePreparation()
    preparation.adapt(table.batches("train"))
    inputs = table.inputs()
    x = keras.layers.Dense(16, "relu")(preparation(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    history = model.fit(
        table.batches("train", shuffle=True, seed=0),
        validation_data=table.batches("validation"),
        class_weight=table.class_weight,
        epochs=10,
        verbose=0,
        shuffle=False,
    )
    assert len(history.history["val_loss"]) == 10
    x, y = table.arrays("validation")
    scores = model.predict(x, verbose=0)[:, 0]
    # 0.78 with logistic regression: benchmarks/credit.py.
    assert roc_auc_score(y, scores) > 0.7
