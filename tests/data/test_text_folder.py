"""Folders of text files."""

import keras
import numpy as np
import pytest

import keras_transfer as kt


def _write(folder, texts):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(content)
    return folder


@pytest.fixture
def reviews(tmp_path):
    texts = {f"pos/{n}.txt": f"schön {n}" for n in range(8)}
    texts |= {f"neg/deep/{n}.txt": f"dull {n}" for n in range(4)}
    ignored = {".git/a.txt": "x", "pos/.b.txt": "", "pos/readme.md": ""}
    return _write(tmp_path / "reviews", {**texts, **ignored})


def test_it_reads_what_keras_reads(reviews):
    found = kt.data.text_folder(reviews)
    # Keras 3 counts hidden folders as classes and hidden files as texts.
    (reviews / ".git" / "a.txt").unlink()
    (reviews / ".git").rmdir()
    (reviews / "pos" / ".b.txt").unlink()
    expected = keras.utils.text_dataset_from_directory(
        reviews, shuffle=False, verbose=False
    )
    assert found.class_names == expected.class_names == ["neg", "pos"]
    pairs, expected_pairs = (
        [
            (text, label)
            for texts, labels in dataset
            for text, label in zip(texts.numpy(), labels.numpy(), strict=True)
        ]
        for dataset in (found.batches("train", 5), expected)
    )
    assert sorted(pairs) == sorted(expected_pairs)
    assert found.num_rows == 12
    assert found.class_weight == {0: 1.5, 1: 0.75}


def test_parts_are_of_each_class(reviews):
    found = kt.data.text_folder(reviews, validation_split=0.25, seed=1)
    assert found.counts == {"train": 9, "validation": 3}
    ((texts, labels),) = found.batches("validation")
    assert labels.numpy().tolist() == [0, 1, 1]
    rest = [t for batch, _ in found.batches("train") for t in batch.numpy()]
    assert not set(rest) & set(texts.numpy())


def test_shuffled_all_texts_mix(reviews):
    dataset = kt.data.text_folder(reviews).batches(
        "train", 12, shuffle=True, seed=0
    )
    orders = [next(iter(dataset))[1].numpy().tolist() for _ in range(2)]
    assert orders[0] != orders[1] and sorted(orders[0]) == [0] * 4 + [1] * 8
    assert dataset.class_names == ["neg", "pos"]
    assert int(dataset.epoch) == 2


def test_a_model_trains_on_it(reviews):
    found = kt.data.text_folder(reviews)
    vectorize = keras.layers.TextVectorization(20, output_mode="multi_hot")
    vectorize.adapt(found.batches("train").map(lambda text, _: text))
    model = keras.Sequential(
        [keras.Input((), dtype="string"), vectorize, keras.layers.Dense(2)]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    history = model.fit(
        found.batches("train", 4, shuffle=True, seed=0),
        epochs=2,
        verbose=0,
        shuffle=False,
    )
    assert np.isfinite(history.history["loss"]).all()


def test_without_labels_texts_come_alone(reviews):
    found = kt.data.text_folder(reviews / "pos", labelled=False)
    assert found.labels is None and found.class_weight is None
    (texts,) = found.batches("train", 8)
    assert texts.numpy()[0].decode() == "schön 0"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pos/9.txt", " \n", "is empty. Remove the file"),
        ("neg/9.txt", b"caf\xe9", "is not UTF-8: byte 0xe9 at position 3"),
    ],
    ids=["empty", "latin1"],
)
def test_bad_files_are_refused(reviews, name, content, message):
    _write(reviews, {name: content})
    with pytest.raises(ValueError, match=f"{name[4:]}.* {message}"):
        kt.data.text_folder(reviews)


def test_what_is_no_such_folder_is_refused(tmp_path, reviews):
    with pytest.raises(ValueError, match="an existing folder"):
        kt.data.text_folder(tmp_path / "none")
    with pytest.raises(ValueError, match="only 'pos'.*labelled=False"):
        (tmp_path / "one" / "pos").mkdir(parents=True)
        kt.data.text_folder(tmp_path / "one")
    (reviews / "empty").mkdir()
    with pytest.raises(ValueError, match="No texts in the folder .*empty"):
        kt.data.text_folder(reviews)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        kt.data.text_folder(reviews, validation_split=1)
