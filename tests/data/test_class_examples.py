"""Sources of examples: the same classes from each, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_transfer as kt
from keras_transfer.data.class_examples import class_examples

ROWS = np.arange(12, dtype="float32").reshape(6, 2)
LABELS = np.array([1, 0, 2, 1, 1, 0])


def _by_class(examples):
    """Rows of each class by name."""
    ends = np.cumsum(examples.counts)
    rows = np.asarray(examples.rows)[examples.order]
    return {
        name: rows[end - count : end].tolist()
        for name, count, end in zip(
            examples.names, examples.counts, ends, strict=True
        )
    }


EXPECTED = {0: ROWS[[1, 5]], 1: ROWS[[0, 3, 4]], 2: ROWS[[2]]}
EXPECTED_LISTS = {name: rows.tolist() for name, rows in EXPECTED.items()}


@pytest.mark.parametrize(
    "source",
    [
        (ROWS, LABELS),
        (list(ROWS), LABELS.tolist()),
        (ROWS.tolist(), LABELS.astype("uint8")),
        (tf.constant(ROWS), tf.constant(LABELS)),
        (EXPECTED,),
        (EXPECTED_LISTS,),
        (tf.data.Dataset.from_tensor_slices((ROWS, LABELS)),),
    ],
    ids=["arrays", "list", "lists", "tensors", "mapping", "lists2", "dataset"],
)
def test_every_source_gives_the_same(source):
    assert _by_class(class_examples(*source)) == EXPECTED_LISTS


def test_names_may_be_strings():
    names = np.array(["dog", "ant", "emu", "dog", "dog", "ant"])
    assert class_examples(ROWS, names).names == ["ant", "dog", "emu"]
    dataset = tf.data.Dataset.from_tensor_slices((ROWS, names))
    assert class_examples(dataset).names == [b"ant", b"dog", b"emu"]


def test_a_mapping_keeps_its_order():
    mapping = {"z": ROWS[:2], "a": ROWS[2:3]}
    examples = class_examples(mapping)
    assert examples.names == ["z", "a"]
    assert examples.counts.tolist() == [2, 1]


def test_arrays_are_not_copied():
    assert class_examples(ROWS, LABELS).rows is ROWS


def test_dtypes_are_kept():
    for dtype in ("uint8", "float16", "float64", "int32"):
        rows = ROWS.astype(dtype)
        dataset = tf.data.Dataset.from_tensor_slices((rows, LABELS))
        for source in ((rows, LABELS), ({"a": rows},), (dataset,)):
            assert class_examples(*source).rows.dtype == dtype


def test_nests_of_inputs():
    nest = {"ids": ROWS, "pair": (ROWS[:, 0], ROWS.tolist())}
    examples = class_examples(nest, LABELS)
    assert examples.rows["pair"][0].shape == (6,)
    assert examples.rows["pair"][1].shape == (6, 2)
    dataset = tf.data.Dataset.from_tensor_slices(({"ids": ROWS}, LABELS))
    np.testing.assert_array_equal(class_examples(dataset).rows["ids"], ROWS)


def test_datasets_of_more_rows_than_one_batch():
    rows = np.arange(700)
    dataset = tf.data.Dataset.from_tensor_slices((rows, rows % 3))
    examples = class_examples(dataset)
    np.testing.assert_array_equal(examples.rows, rows)
    assert examples.counts.tolist() == [234, 233, 233]


def test_image_folder(tmp_path):
    for name, count in {"cat": 2, "ant": 3}.items():
        (tmp_path / name).mkdir()
        for row in range(count):
            Image.new("RGB", (4, 4)).save(tmp_path / name / f"{row}.png")
    folder = kt.data.image_folder(tmp_path, (5, 5))
    examples = class_examples(folder)
    assert examples.names == ["ant", "cat"]
    assert examples.counts.tolist() == [3, 2]
    assert examples.load(examples.rows[:2]).shape == (2, 5, 5, 3)
    unlabelled = kt.data.image_folder(tmp_path, (5, 5), labelled=False)
    with pytest.raises(ValueError, match="labelled=True"):
        class_examples(unlabelled)
    with pytest.raises(ValueError, match="brings its labels"):
        class_examples(folder, folder.train.labels)


# === Bad input ===


def _with_nan(row):
    rows = np.zeros((5000, 2), "float32")
    rows[row, 1] = np.nan
    return rows


@pytest.mark.parametrize("row", [0, 4095, 4999])
def test_nan_is_named_by_its_row(row):
    with pytest.raises(ValueError, match=f"`images` has a NaN.*row {row}\\."):
        class_examples(_with_nan(row), np.zeros(5000, int))
    mapping = {"a": np.ones((3, 2), "float32"), "b": _with_nan(row)}
    with pytest.raises(ValueError, match=f"Class 'b' has a NaN.*row {row}\\."):
        class_examples(mapping)


def test_infinity_in_one_of_several_inputs():
    nest = {"a": ROWS, "b": np.full(6, np.inf)}
    with pytest.raises(ValueError, match="NaN or infinite value in row 0"):
        class_examples(nest, LABELS)


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (ROWS, LABELS[:5], "`labels` has 5 rows and `images` 6"),
        (ROWS, None, r"`labels` is missing.*ndarray of shape \(6, 2\)"),
        (ROWS, LABELS[:, None], "labels.argmax"),
        (ROWS, LABELS / 2, "must be integers or strings"),
        (ROWS[:0], LABELS[:0], "`images` is empty"),
        ({"a": ROWS, "b": LABELS[:5]}, LABELS, "and `images` 5"),
        ({}, None, "empty mapping"),
        ({"a": ROWS, "b": ROWS[:0]}, None, "Class 'b' has no examples"),
        ({"a": ROWS, "b": ROWS[:, :1]}, None, r"'b' have shape \(1,\)"),
        ({"a": ROWS, "b": ROWS.astype(int)}, None, "dtype int64"),
        ({"a": [ROWS, ROWS[:2]]}, None, "'a' has examples of different"),
        ([ROWS, ROWS[:2]], [0, 1], "`images` has examples of different"),
    ],
)
def test_bad_input(images, labels, message):
    with pytest.raises(ValueError, match=message):
        class_examples(images, labels)


def _dataset():
    return tf.data.Dataset.from_tensor_slices((ROWS, LABELS))


@pytest.mark.parametrize(
    "dataset, message",
    [
        (_dataset().batch(2), "unbatch"),
        (_dataset().map(lambda x, y: (x, tf.one_hot(y, 3))), "argmax"),
        (_dataset().map(lambda x, y: x), r"pairs \(x, y\)"),
        (_dataset().repeat(), "no end"),
        (_dataset().take(0), "empty"),
        (
            _dataset().map(lambda x, y: (tf.boolean_mask(x, x > 1), y)),
            "one known shape",
        ),
    ],
)
def test_bad_datasets(dataset, message):
    with pytest.raises(ValueError, match=message):
        class_examples(dataset)


def test_a_dataset_may_not_fill_the_memory():
    # Unknown to TensorFlow, it never ends.
    endless = _dataset().repeat().filter(lambda *_: True)
    with pytest.raises(ValueError, match="memory_limit=20000"):
        class_examples(endless, memory_limit=20_000)
    size = ROWS.nbytes + LABELS.nbytes
    class_examples(_dataset(), memory_limit=size)
    with pytest.raises(ValueError, match=f"fill {size} bytes"):
        class_examples(_dataset(), memory_limit=size - 1)


def test_a_dataset_with_labels_beside_it():
    with pytest.raises(ValueError, match="brings its labels"):
        class_examples(_dataset(), LABELS)
