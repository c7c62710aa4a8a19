"""A domain, from memory and streamed."""

import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

import keras_transfer as kt

DomainDataset = kt.data.DomainDataset
NAMES = ("cat", "dog", "emu")


def _arrays(counts=(8, 5, 3), shape=(6, 6, 1)):
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.zeros((len(y), *shape), "uint8")
    # A row carries its number.
    x += np.arange(len(y), dtype="uint8").reshape(-1, *[1] * len(shape))
    return x, y


def _memory(**arguments):
    return DomainDataset(_arrays(**arguments), "pets", "train", NAMES)


def _streamed(**arguments):
    """Rows that are stored as texts and decoded by `load`."""
    x, y = _arrays(**arguments)
    texts = [tf.io.encode_png(row).numpy() for row in x]
    rows = tf.data.Dataset.from_tensor_slices((texts, y))

    def load(text, label):
        image = tf.io.decode_png(text, channels=x.shape[-1])
        return tf.ensure_shape(image, x.shape[1:]), label

    return DomainDataset(rows, "pets", "train", NAMES, load)


BOTH = pytest.mark.parametrize("make", [_memory, _streamed])


def _numbers(domain):
    return domain.arrays()[0][:, 0, 0, 0].tolist()


# === What it knows ===


@BOTH
def test_it_knows_name_classes_and_shape(make):
    domain = make()
    assert (domain.name, domain.split) == ("pets", "train")
    assert domain.class_names == NAMES
    assert (domain.shape, domain.dtype) == ((6, 6, 1), "uint8")
    assert len(domain) == domain.num_rows == 16
    assert repr(domain) == (
        "<DomainDataset pets train: 16 rows of (6, 6, 1) uint8, 3 classes>"
    )


@BOTH
def test_arrays_and_dataset_are_the_rows(make):
    domain = make()
    x, y = domain.arrays()
    np.testing.assert_array_equal(x, _arrays()[0])
    np.testing.assert_array_equal(y, _arrays()[1])
    assert x.dtype == "uint8" and y.dtype == "int64"
    rows = list(domain.dataset)
    assert [int(label) for _, label in rows] == y.tolist()
    np.testing.assert_array_equal(np.stack([image for image, _ in rows]), x)


@BOTH
def test_labels_and_their_names(make):
    domain = make()
    assert domain.labels().tolist() == _arrays()[1].tolist()
    assert domain.named_labels()[[0, -1]].tolist() == ["cat", "emu"]
    domain.class_names = None
    assert domain.named_labels()[-1] == 2


def test_labels_are_read_without_decoding():
    rows = tf.data.Dataset.from_tensor_slices((["no image"] * 3, [0, 1, 1]))
    domain = DomainDataset(
        rows, load=lambda text, label: (tf.io.decode_png(text), label)
    )
    assert domain.labels().tolist() == [0, 1, 1]
    with pytest.raises(tf.errors.InvalidArgumentError):
        next(iter(domain.dataset))


def test_sparse_rows_become_dense():
    x = scipy.sparse.random(9, 5, 0.4, "csr", "float32", rng=3)
    domain = DomainDataset((x, np.arange(9) % 3))
    assert (domain.shape, domain.dtype) == ((5,), "float32")
    np.testing.assert_array_equal(domain.arrays()[0], x.toarray())
    rows = np.stack([row for row, _ in domain.dataset])
    np.testing.assert_array_equal(rows, x.toarray())
    few = domain.subset(classes=[1])
    np.testing.assert_array_equal(few.arrays()[0], x.toarray()[1::3])


def test_a_dataset_of_unknown_length_is_counted():
    x, y = _arrays()
    rows = tf.data.Dataset.from_tensor_slices((x, y)).filter(
        lambda _, label: label > 0
    )
    domain = DomainDataset(rows)
    assert "? rows" in repr(domain)
    assert len(domain) == 8


# === Batches ===


@BOTH
def test_batches_in_order(make):
    batches = list(make().batches(6))
    assert [len(labels) for _, labels in batches] == [6, 6, 4]
    found = np.concatenate([labels for _, labels in batches])
    np.testing.assert_array_equal(found, _arrays()[1])


@BOTH
def test_shuffled_batches_have_every_row_and_repeat(make):
    def epochs(seed):
        tf.random.set_seed(5)
        batches = make().batches(6, seed=seed)
        return [
            np.concatenate([x[:, 0, 0, 0] for x, _ in batches]).tolist()
            for _ in range(2)
        ]

    first, second = epochs(1)
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != second
    assert epochs(1) == [first, second] != epochs(2)


@BOTH
def test_a_model_fits_and_evaluates(make):
    import keras

    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Rescaling(1 / 16),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    domain = make().subset(classes=["cat", "emu"])
    batches = domain.batches(8, seed=0)
    model.fit(batches, epochs=60, verbose=0, shuffle=False)
    assert model.evaluate(domain.batches(8), verbose=0)[1] == 1.0


# === Sizes ===


@BOTH
def test_prepared_images(make):
    domain = make().prepared(size=9, channels=3)
    assert domain.shape == (9, 9, 3) and domain.dtype == "uint8"
    assert len(domain) == 16 and domain.class_names == NAMES
    x, y = domain.arrays()
    np.testing.assert_array_equal(
        x[:, 4, 4], np.repeat(_arrays()[0][:, 0, 0], 3, 1)
    )
    np.testing.assert_array_equal(y, _arrays()[1])
    again = domain.prepared(size=(6, 7), channels=1)
    assert again.arrays()[0].shape == (16, 6, 7, 1)


@BOTH
def test_nothing_to_prepare(make):
    domain = make()
    assert domain.prepared() is domain


def test_memory_and_stream_prepare_alike():
    images, labels = (
        make(shape=(6, 7, 3)).prepared((4, 9), 1).arrays()
        for make in (_memory, _streamed)
    )
    np.testing.assert_array_equal(images[0], labels[0])


def test_images_of_different_sizes_need_a_size():
    texts = [
        tf.io.encode_png(np.full((side, 5, 3), side, "uint8")).numpy()
        for side in (4, 9)
    ]
    rows = tf.data.Dataset.from_tensor_slices((texts, [0, 1]))
    domain = DomainDataset(
        rows,
        "photos",
        load=lambda text, label: (tf.io.decode_png(text, channels=3), label),
    )
    assert domain.shape == (None, None, 3)
    for call in (domain.arrays, domain.batches):
        with pytest.raises(ValueError, match=r"Call .prepared\(size="):
            call()
    x, _ = domain.prepared(6).arrays()
    assert x[:, 3, 3, 0].tolist() == [4, 9]


# === Parts ===


@BOTH
def test_parts_are_those_of_the_function(make):
    x, y = _arrays()
    for settings in (
        {"classes": [0, 2]},
        {"per_class": 2, "seed": 4},
        {"imbalance": 2, "classes": [1, 0]},
    ):
        expected, labels = kt.data.subset(x, y, **settings)
        part = make().subset(**settings)
        assert _numbers(part) == expected[:, 0, 0, 0].tolist()
        assert part.labels().tolist() == labels.tolist()
        assert len(part) == len(labels) and part.class_names == NAMES


@BOTH
def test_parts_of_parts_and_of_prepared_domains(make):
    domain = make().subset(classes=["cat", "emu"]).prepared(4)
    part = domain.subset(classes=["emu"], per_class=2)
    assert part.shape == (4, 4, 1) and part.labels().tolist() == [2, 2]
    assert set(_numbers(part)) < {13, 14, 15}


@BOTH
def test_what_is_refused(make):
    domain = make()
    for call, message in (
        (lambda: domain.prepared(channels=2), "`channels`"),
        (lambda: domain.prepared(size="a"), "`size`"),
        (lambda: domain.batches(0), "`batch_size`"),
        (lambda: domain.subset(classes=["dgo"]), "Did you mean 'dog'"),
        (lambda: domain.subset(classes=[1.5]), "labels or class names"),
        (lambda: domain.subset(classes=[5]), "names class 5"),
        (lambda: domain.subset(per_class=9), "has 5 rows|has 8 rows"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_features_are_no_images():
    domain = DomainDataset((np.eye(3), [0, 1, 2]))
    with pytest.raises(ValueError, match="Only images can be prepared"):
        domain.prepared(4)
    with pytest.raises(ValueError, match="has no class names"):
        domain.subset(classes=["a"])


def test_datasets_that_are_no_rows():
    rows = tf.data.Dataset.from_tensor_slices(_arrays())
    for dataset, message in (
        (rows.batch(2), "Undo batches"),
        (rows.map(lambda x, y: x), "single pairs"),
        (rows.repeat(), "has no end"),
    ):
        with pytest.raises(ValueError, match=message):
            DomainDataset(dataset)


def test_an_empty_dataset_is_refused_when_it_is_read():
    rows = tf.data.Dataset.from_tensor_slices(_arrays())
    domain = DomainDataset(rows.filter(lambda x, y: y > 5), "pets")
    with pytest.raises(ValueError, match="The domain 'pets' is empty"):
        len(domain)


@BOTH
def test_names_must_cover_the_labels(make):
    domain = make()
    with pytest.raises(ValueError, match="2 class names are for labels 0 to 1"):
        DomainDataset(domain.rows, class_names="ab", load=domain.load).labels()


# === With the rest ===


@BOTH
def test_pairs_of_domains(make):
    target = make().subset(classes=["dog"])
    pairs = kt.data.pair_domains(make(), target, batch_size=4, seed=0)
    assert len(pairs) == 4
    for x, y in pairs:
        assert x["source"].shape == x["target"].shape == (4, 6, 6, 1)
        # The target's labels are not handed on.
        assert y.shape == (4,)
        np.testing.assert_array_equal(
            y, _arrays()[1][x["source"][:, 0, 0, 0].numpy()]
        )
        assert set(x["target"][:, 0, 0, 0].numpy()) <= set(range(8, 13))


@BOTH
def test_pairs_with_maps(make):
    pairs = kt.data.pair_domains(
        make(),
        make(),
        batch_size=4,
        source_map=lambda x, y: (tf.cast(x, tf.float32) + 100.0, y),
        target_map=lambda x: tf.cast(x, tf.float32) - 100.0,
    )
    x, _ = next(iter(pairs))
    assert x["source"].numpy().min() >= 100 > 0 > x["target"].numpy().max()


def test_pairs_of_arrays_are_those_of_the_domain():
    x, y = _arrays()
    expected, found = (
        [
            batch[0]["source"].numpy()
            for batch in kt.data.pair_domains(*pair, 4, seed=3)
        ]
        for pair in (((x, y), x), (_memory(), _memory()))
    )
    np.testing.assert_array_equal(expected, found)


@BOTH
def test_batched_datasets_are_something_else(make):
    with pytest.raises(ValueError, match="source of type DomainDataset"):
        kt.data.pair_domains(make(), make(), batch_size=None)


@BOTH
def test_episodes(make):
    episodes = kt.data.episodes(
        make(), ways=3, shots=1, queries=2, tasks=2, steps_per_epoch=3
    )
    for x, y in episodes:
        assert x["support"].shape == (2, 3, 6, 6, 1)
        classes = _arrays()[1][x["query"][..., 0, 0, 0].numpy()]
        # Rows of one way are of one class.
        assert (classes[:, ::2] == classes[:, 1::2]).all()
        assert y["query"].numpy().tolist() == [[0, 0, 1, 1, 2, 2]] * 2
    with pytest.raises(ValueError, match="brings its labels"):
        kt.data.episodes(make(), _arrays()[1])


@BOTH
def test_splits_of_classes(make):
    first, second = kt.data.split_classes(make(), [["cat", "emu"], ["dog"]])
    assert second.tolist() == [8, 9, 10, 11, 12] and len(first) == 11


@pytest.mark.parametrize("is_streamed", [False, True])
def test_rows_by_number(is_streamed):
    x, y = np.arange(8.0), np.array([0, 1, 0, 1, 0, 1, 0, 1])
    rows = tf.data.Dataset.from_tensor_slices((x, y)) if is_streamed else (x, y)
    part = DomainDataset(rows).taken(np.array([1, 4, 6]))
    found = part.arrays()
    np.testing.assert_array_equal(found[0], [1.0, 4.0, 6.0])
    np.testing.assert_array_equal(found[1], [1, 0, 0])
    assert len(part) == 3
