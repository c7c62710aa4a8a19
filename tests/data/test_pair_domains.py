import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt

pair_domains = kt.data.pair_domains


def _rows(count, start=0):
    """Rows that carry their own number."""
    return (start + np.arange(count, dtype="float32"))[:, None]


def _source(count=10):
    return _rows(count), np.arange(count)


def _dataset(count, labels=True, start=0):
    parts = (_rows(count, start), np.arange(count)) if labels else _rows(count)
    return tf.data.Dataset.from_tensor_slices(parts)


def _unknown(dataset):
    return dataset.filter(lambda *_: True)


def _epoch(pairs, steps=None):
    """The batches of an epoch: source rows, target rows, labels."""
    pairs = pairs if steps is None else pairs.take(steps)
    return [
        (
            x["source"].numpy()[:, 0].astype(int).tolist(),
            x["target"].numpy()[:, 0].astype(int).tolist(),
            y.numpy().tolist() if not isinstance(y, dict) else y,
        )
        for x, y in pairs
    ]


# === Shape of an epoch ===


@pytest.mark.parametrize(
    "source_rows, target_rows, sizes, steps",
    [
        (10, 10, (5, None), 2),
        (10, 4, (4, None), 3),
        (4, 10, (4, None), 3),
        (10, 10, (4, 2), 5),
        (3, 3, (8, 8), 1),
        (1, 9, (2, 3), 3),
    ],
)
def test_every_batch_is_full_and_the_longer_domain_is_seen(
    source_rows, target_rows, sizes, steps
):
    batch_size, target_batch_size = sizes
    pairs = pair_domains(
        _source(source_rows), _rows(target_rows), batch_size, target_batch_size
    )
    batches = _epoch(pairs)
    assert len(pairs) == len(batches) == steps
    for source, target, labels in batches:
        assert len(source) == batch_size
        assert len(target) == (target_batch_size or batch_size)
        assert labels == source  # rows and labels stay together
    seen = [{row for batch in batches for row in batch[i]} for i in range(2)]
    lengths = [
        source_rows / batch_size,
        target_rows / (target_batch_size or batch_size),
    ]
    longer = int(np.argmax(lengths))
    assert seen[longer] == set(range([source_rows, target_rows][longer]))


def test_a_pass_repeats_no_row():
    batches = _epoch(pair_domains(_source(12), _rows(4), 4, seed=0))
    source = [row for batch in batches for row in batch[0]]
    assert sorted(source) == list(range(12))
    for _, target, _ in batches:  # each batch is a whole pass of the target
        assert sorted(target) == list(range(4))


def test_a_domain_that_runs_out_begins_again_in_a_new_order():
    batches = _epoch(pair_domains(_source(60), _rows(10), 10, seed=0))
    orders = [tuple(target) for _, target, _ in batches]
    assert len(set(orders)) == 6


def test_without_shuffling_rows_come_in_order():
    pairs = pair_domains(_source(5), _rows(3), 2, shuffle=False)
    assert _epoch(pairs) == [
        ([0, 1], [0, 1], [0, 1]),
        ([2, 3], [2, 0], [2, 3]),
        ([4, 0], [1, 2], [4, 0]),
    ]


def test_steps_per_epoch_is_a_promise():
    for steps in (1, 3, 9):
        pairs = pair_domains(_source(), _rows(10), 4, steps_per_epoch=steps)
        assert len(pairs) == len(_epoch(pairs)) == steps


def test_static_shapes_are_known():
    x, y = pair_domains(_source(), _rows(10), 4, 3).element_spec
    assert x["source"].shape == (4, 1)
    assert x["target"].shape == (3, 1)
    assert y.shape == (4,)


def test_dtypes_are_kept():
    source = np.zeros((4, 2, 2, 3), "uint8"), np.zeros(4, "int16")
    x, y = pair_domains(source, source[0], 2).element_spec
    assert x["source"].dtype == x["target"].dtype == tf.uint8
    assert y.dtype == tf.int16


# === Order ===


def test_order_depends_on_seed_and_epoch_alone():
    def epochs(seed, count=3):
        pairs = pair_domains(_source(), _rows(10), 5, seed=seed)
        return [_epoch(pairs) for _ in range(count)]

    first, again, other = epochs(1), epochs(1), epochs(2)
    assert first == again
    assert first != other
    assert first[0] != first[1] != first[2]


def test_an_epoch_can_be_asked_for():
    """What a trainer does that goes on with a later epoch."""
    pairs = pair_domains(_source(), _rows(10), 5, seed=1)
    in_order = [_epoch(pairs) for _ in range(4)]
    later = pair_domains(_source(), _rows(10), 5, seed=1)
    for epoch in (3, 1, 2):
        later.epoch.assign(epoch)
        assert _epoch(later) == in_order[epoch]


def test_neither_tensorflows_nor_numpys_seed_matters():
    orders = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)
        orders.append(_epoch(pair_domains(_source(), _rows(10), 5, seed=7)))
    assert orders[0] == orders[1]


def test_source_and_target_have_orders_of_their_own():
    batches = _epoch(pair_domains(_source(), _rows(10), 5, seed=0))
    assert any(source != target for source, target, _ in batches)


def test_without_a_seed_the_order_is_new_for_each_call():
    orders = [_epoch(pair_domains(_source(), _rows(10), 5)) for _ in range(2)]
    assert orders[0] != orders[1]


# === Datasets ===


def test_datasets_that_are_not_batched():
    pairs = pair_domains(_dataset(10), _dataset(7, labels=False), 5, 2, seed=0)
    batches = _epoch(pairs)
    assert len(pairs) == len(batches) == 4
    assert {r for _, rows, _ in batches for r in rows} == set(range(7))
    for source, target, labels in batches:
        assert (len(source), len(target)) == (5, 2)
        assert labels == source


def test_datasets_that_are_batched_are_taken_as_they_come():
    source = _dataset(10).batch(5)
    target = _dataset(9, labels=False).batch(3)
    pairs = pair_domains(source, target, batch_size=None)
    assert len(pairs) == 3
    assert _epoch(pairs) == [
        ([0, 1, 2, 3, 4], [0, 1, 2], [0, 1, 2, 3, 4]),
        ([5, 6, 7, 8, 9], [3, 4, 5], [5, 6, 7, 8, 9]),
        ([0, 1, 2, 3, 4], [6, 7, 8], [0, 1, 2, 3, 4]),
    ]


def test_shuffle_false_keeps_the_order_of_datasets():
    pairs = pair_domains(_dataset(4), _dataset(4, False), 2, shuffle=False)
    assert [batch[0] for batch in _epoch(pairs)] == [[0, 1], [2, 3]]


def test_shuffle_of_a_dataset_repeats_with_the_seed():
    epochs = [
        _epoch(pair_domains(_dataset(40), _dataset(40, False), 5, seed=seed))
        for seed in (1, 1, 2)
    ]
    assert epochs[0] == epochs[1] != epochs[2]


def test_the_shuffle_buffer_can_be_chosen():
    pairs = pair_domains(_dataset(40), _rows(40), 5, shuffle=2, seed=0)
    for step, (source, _, _) in enumerate(_epoch(pairs)):
        assert max(source) <= 5 * step + 6  # a buffer of two looks not far


def test_arrays_and_datasets_mix():
    pairs = pair_domains(_source(6), _dataset(10, labels=False), 5)
    assert len(pairs) == 2
    assert len(_epoch(pairs)) == 2


def test_dataset_of_unknown_length_makes_an_endless_one():
    pairs = pair_domains(_unknown(_dataset(6)), _rows(6), 4)
    assert pairs.cardinality() == tf.data.INFINITE_CARDINALITY
    batches = _epoch(pairs, steps=7)
    assert len(batches) == 7
    assert all(len(source) == len(target) == 4 for source, target, _ in batches)


def test_steps_per_epoch_ends_a_dataset_of_unknown_length():
    pairs = pair_domains(_unknown(_dataset(6)), _rows(6), 4, steps_per_epoch=5)
    assert len(pairs) == len(_epoch(pairs)) == 5


def test_endless_dataset():
    pairs = pair_domains(_dataset(6).repeat(), _rows(6), 4, steps_per_epoch=5)
    assert len(_epoch(pairs)) == 5


def test_a_target_dataset_of_pairs_without_labels():
    target = tf.data.Dataset.from_tensor_slices((_rows(6),))
    assert len(_epoch(pair_domains(_source(6), target, 3))) == 2


# === Labels, weights, maps ===


def test_weights_follow_their_rows():
    x, y = _source()
    pairs = pair_domains((x, y, y / 10), _rows(10), 5, seed=0)
    for inputs, labels, weights in pairs:
        np.testing.assert_allclose(weights, labels / 10)
        np.testing.assert_allclose(inputs["source"][:, 0], labels)


def test_target_labels_are_shown():
    target = _rows(10), 10 * np.arange(10)
    for x, y in pair_domains(_source(), target, 5, 3, seed=0):
        assert set(y) == {"source", "target"}
        np.testing.assert_allclose(y["source"], x["source"][:, 0])
        np.testing.assert_allclose(y["target"], 10 * x["target"][:, 0])


def test_target_labels_that_are_none_are_left_out():
    for _, y in pair_domains(_source(), (_rows(10), None), 5):
        assert not isinstance(y, dict)


def test_maps():
    pairs = pair_domains(
        _source(),
        _rows(10),
        5,
        source_map=lambda x, y: (-x, y),
        target_map=lambda x: x + 100,
    )
    for x, y in pairs:
        np.testing.assert_allclose(x["source"][:, 0], -tf.cast(y, tf.float32))
        assert x["target"].numpy().min() >= 100


def test_maps_of_datasets():
    pairs = pair_domains(
        _dataset(10),
        _dataset(10, labels=False),
        5,
        source_map=lambda x, y: (-x, y),
        target_map=lambda x: x + 100,
    )
    for x, y in pairs:
        np.testing.assert_allclose(x["source"][:, 0], -tf.cast(y, tf.float32))
        assert x["target"].numpy().min() >= 100


def test_nests_of_arrays():
    source = {"a": _rows(6), "b": {"c": _rows(6)}}, np.arange(6)
    target = {"a": _rows(4), "b": {"c": _rows(4)}}
    for x, y in pair_domains(source, target, 3, seed=0):
        np.testing.assert_allclose(x["source"]["a"][:, 0], y)
        np.testing.assert_allclose(x["source"]["b"]["c"][:, 0], y)
        np.testing.assert_allclose(x["target"]["a"], x["target"]["b"]["c"])


# === Bad input ===


@pytest.mark.parametrize("domain", ["source", "target"])
def test_nan_in_arrays_is_named_by_its_row(domain):
    x, target = _rows(10), _rows(10)
    {"source": x, "target": target}[domain][6] = np.nan
    with pytest.raises(ValueError, match=f"{domain} domain.*in row 6"):
        pair_domains((x, np.arange(10)), target)


@pytest.mark.parametrize("domain", ["source", "target"])
@pytest.mark.parametrize("is_batched", [False, True])
def test_nan_in_a_dataset_is_found_at_its_batch(domain, is_batched):
    x, target = _rows(10), _rows(10)
    {"source": x, "target": target}[domain][6] = np.nan
    source = tf.data.Dataset.from_tensor_slices((x, np.arange(10)))
    target = tf.data.Dataset.from_tensor_slices(target)
    size = 5
    if is_batched:
        source, target, size = source.batch(5), target.batch(5), None
    pairs = iter(pair_domains(source, target, size, shuffle=False))
    next(pairs)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"The {domain} domain has a NaN"
    ):
        next(pairs)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_empty_arrays(domain):
    source, target = _source(10), _rows(10)
    if domain == "source":
        source = _source(0)
    else:
        target = _rows(0)
    with pytest.raises(ValueError, match=f"The {domain} domain is empty"):
        pair_domains(source, target)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_empty_datasets(domain):
    sizes = {"source": (0, 10), "target": (10, 0)}[domain]
    with pytest.raises(ValueError, match=f"The {domain} domain is empty"):
        pair_domains(_dataset(sizes[0]), _dataset(sizes[1], False), 5)


def test_arrays_that_disagree():
    with pytest.raises(ValueError, match="source.*same number of rows"):
        pair_domains((_rows(5), np.arange(4)), _rows(5))


@pytest.mark.parametrize(
    "source",
    [
        _rows(5),
        (_rows(5),),
        (_rows(5), None),
        _dataset(5, labels=False),
        _dataset(5, labels=False).map(lambda x: (x,)),
    ],
    ids=["array", "tuple", "none", "dataset", "dataset of tuples"],
)
def test_a_source_without_labels(source):
    with pytest.raises(ValueError, match="source domain needs labels"):
        pair_domains(source, _rows(5))


@pytest.mark.parametrize("name, count", [("source", 4), ("target", 3)])
@pytest.mark.parametrize("as_dataset", [False, True])
def test_a_tuple_that_is_too_long(name, count, as_dataset):
    domains = {"source": _source(5), "target": _rows(5)}
    domains[name] = tuple(_rows(5) for _ in range(count))
    if as_dataset:
        domains[name] = tf.data.Dataset.from_tensor_slices(domains[name])
    with pytest.raises(ValueError, match=f"{name} domain.*Received {count}"):
        pair_domains(**domains, batch_size=2)


@pytest.mark.parametrize("name", ["batch_size", "target_batch_size"])
@pytest.mark.parametrize("size", [0, -1, 2.5, "big"])
def test_wrong_batch_sizes(name, size):
    with pytest.raises(ValueError, match=f"`{name}`.*a positive integer"):
        pair_domains(_source(), _rows(5), **{name: size})


def test_batched_datasets_must_be_datasets():
    with pytest.raises(ValueError, match="source of type tuple"):
        pair_domains(_source(), _dataset(5).batch(2), batch_size=None)


def test_batched_datasets_have_their_own_target_batch_size():
    batched = _dataset(5).batch(2)
    with pytest.raises(ValueError, match="target_batch_size=3"):
        pair_domains(batched, batched, None, target_batch_size=3)


@pytest.mark.parametrize("steps", [0, -2])
def test_wrong_steps_per_epoch(steps):
    with pytest.raises(ValueError, match="`steps_per_epoch`.*positive integer"):
        pair_domains(_source(), _rows(5), steps_per_epoch=steps)


def test_short_epochs_of_a_dataset_go_on_where_the_last_one_ended():
    x = np.arange(24, dtype="float32")[:, None]
    source = tf.data.Dataset.from_tensor_slices((x, np.arange(24))).batch(4)
    target = tf.data.Dataset.from_tensor_slices(x).batch(4)
    pairs = kt.data.pair_domains(
        source, target, batch_size=None, steps_per_epoch=2
    )
    seen = [y.numpy().tolist() for _ in range(3) for _, y in pairs]
    assert sum(seen, []) == list(range(24))


def test_an_array_beside_an_endless_dataset_is_shuffled_anew_each_pass():
    x = np.arange(12, dtype="float32")[:, None]
    endless = tf.data.Dataset.from_tensor_slices(x).repeat()
    pairs = kt.data.pair_domains((x, np.arange(12)), endless, 6, seed=0)
    order = [y.numpy().tolist() for _, y in pairs.take(4)]
    first, second = order[0] + order[1], order[2] + order[3]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
