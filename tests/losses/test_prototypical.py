"""The prototypical loss against the formula of the paper, row by row."""

import keras
import numpy as np
import pytest

from keras_transfer import losses
from tests import helpers

pytestmark = pytest.mark.any_backend

each_distance = pytest.mark.parametrize("distance", ["euclidean", "cosine"])
SUPPORT_LABELS = np.array([0, 0, 1, 2, 2, -1], "int32")
QUERY_LABELS = np.array([2, 0, -1, 1, 1], "int32")


def numpy_prototypical(
    support, support_labels, query, query_labels, distance, temperature
):
    """Snell et al. 2017, algorithm 1, for one task, in float64."""
    support, query = np.asarray(support, "f8"), np.asarray(query, "f8")
    classes = sorted(set(support_labels.tolist()) - {-1})
    prototypes = [support[support_labels == k].mean(axis=0) for k in classes]
    values = []
    for x, label in zip(query, query_labels, strict=True):
        if label == -1:
            continue
        scores = []
        for c in prototypes:
            if distance == "euclidean":
                score = -((x - c) ** 2).sum()
            else:
                score = x @ c / np.linalg.norm(x) / np.linalg.norm(c)
            scores.append(score / temperature)
        total = np.log(np.exp(scores).sum())
        values.append(total - scores[classes.index(label)])
    return np.mean(values)


@pytest.fixture
def support(generator):
    return generator.normal(size=(6, 4)).astype("float32")


@pytest.fixture
def query(generator):
    return generator.normal(size=(5, 4)).astype("float32") + 0.5


def _loss(support, query, num_classes=3, **arguments):
    return losses.prototypical(
        support, SUPPORT_LABELS, query, QUERY_LABELS, num_classes, **arguments
    )


# === The function ===


@each_distance
@pytest.mark.parametrize("num_classes", [3, 7])
def test_equals_numpy(support, query, distance, num_classes):
    value = _loss(
        support, query, num_classes, distance=distance, temperature=0.7
    )
    expected = numpy_prototypical(
        support, SUPPORT_LABELS, query, QUERY_LABELS, distance, 0.7
    )
    assert float(value) == pytest.approx(expected, rel=helpers.TOLERANCE)


def test_tasks_have_their_own_classes(support, query, generator):
    """The value of many tasks is the mean over all their queries."""
    supports = np.stack([support, generator.normal(size=(6, 4)), support + 1])
    queries = np.stack([query, query + 0.3, query])
    support_labels = np.stack([SUPPORT_LABELS, SUPPORT_LABELS[::-1]] * 2)[:3]
    query_labels = np.array([[2, 0, -1, 1, 1], [0, -1, -1, 1, -1], [1] * 5])
    value = losses.prototypical(
        supports.astype("float32"), support_labels, queries, query_labels, 3
    )
    tasks = list(
        zip(supports, support_labels, queries, query_labels, strict=True)
    )
    each = [numpy_prototypical(*task, "euclidean", 1.0) for task in tasks]
    expected = np.average(each, weights=(query_labels >= 0).sum(axis=1))
    assert float(value) == pytest.approx(expected, rel=helpers.TOLERANCE)


def test_order_and_numbering_do_not_matter(support, query, generator):
    rows, others = generator.permutation(6), generator.permutation(5)
    renamed = np.array([1, 2, 0, -1])  # -1 stays
    value = losses.prototypical(
        support[rows],
        renamed[SUPPORT_LABELS[rows]],
        query[others],
        renamed[QUERY_LABELS[others]],
        3,
    )
    assert float(value) == pytest.approx(
        float(_loss(support, query)), rel=helpers.TOLERANCE
    )


@pytest.mark.parametrize("rubbish", [7.0, np.nan])
def test_padding_counts_nowhere(support, query, rubbish):
    expected = float(_loss(support, query))
    support[5], query[2] = rubbish, rubbish
    gradients = helpers.gradients(_loss, support, query)
    assert float(_loss(support, query)) == pytest.approx(expected, rel=1e-6)
    assert not gradients[0][5].any()
    if not np.isnan(rubbish):
        assert not gradients[1][2].any()


def test_only_padding_is_zero(support, query):
    value = losses.prototypical(
        support, SUPPORT_LABELS, query, np.full(5, -1), 3
    )
    assert float(value) == 0.0


@pytest.mark.parametrize(
    "support_labels, query_labels",
    [
        ([0, 0, 1, 1, 2, 3], [0, 1, 2, 0, 0]),  # support of a fourth class
        ([0, 0, 1, 1, 2, 2], [0, 1, 3, 0, 0]),  # query of a fourth class
        ([0, 0, 1, 1, 1, 1], [0, 1, 2, 0, 0]),  # query without support
    ],
)
def test_impossible_labels_are_not_silent(
    support, query, support_labels, query_labels
):
    value = losses.prototypical(support, support_labels, query, query_labels, 3)
    assert np.isnan(float(value))


@each_distance
def test_gradient_equals_differences(support, query, distance):
    found = helpers.gradients(
        lambda s, q: _loss(s, q, distance=distance), support, query
    )
    labels = SUPPORT_LABELS, QUERY_LABELS

    def twin(s, q):
        return numpy_prototypical(s, labels[0], q, labels[1], distance, 1.0)

    expected = [
        helpers.numeric_gradient(lambda s: twin(s, query), support),
        helpers.numeric_gradient(lambda q: twin(support, q), query),
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
        assert np.abs(one).max() > 1e-3


@each_distance
def test_descent_draws_queries_to_their_prototype(support, query, distance):
    values = []
    for _ in range(5):
        values.append(float(_loss(support, query, distance=distance)))
        gradients = helpers.gradients(
            lambda s, q: _loss(s, q, distance=distance), support, query
        )
        support, query = (
            support - 0.1 * gradients[0],
            query - 0.1 * gradients[1],
        )
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_single(support, query, dtype):
    """Squared distances of 90,000 do not fit into half precision."""
    halves = [keras.ops.cast(300 * x, dtype) for x in (support, query)]
    value = _loss(*halves)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(
        numpy_prototypical(
            *[helpers.to_numpy(halves[0]), SUPPORT_LABELS],
            *[helpers.to_numpy(halves[1]), QUERY_LABELS],
            "euclidean",
            1e4,
        )
        * 1e4,
        rel=0.5,
    )


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"distance": "manhattan"}, "`distance`.*'euclidean', 'cosine'"),
        ({"temperature": 0.0}, "`temperature`.*positive number"),
        ({"temperature": np.inf}, "`temperature`.*positive number"),
        ({"num_classes": 0}, "`num_classes`.*positive integer"),
        ({"query_labels": [0.0] * 5}, "must be integers"),
        ({"query_labels": [0] * 4}, r"labels of shape \(4,\)"),
        ({"support_labels": [0] * 4}, r"labels of shape \(4,\)"),
    ],
)
def test_bad_arguments_are_refused(support, query, changed, message):
    arguments = {
        "support": support,
        "support_labels": SUPPORT_LABELS,
        "query": query,
        "query_labels": QUERY_LABELS,
        "num_classes": 3,
    }
    with pytest.raises(ValueError, match=message):
        losses.prototypical(**{**arguments, **changed})


# === The class ===


BATCH_LABELS = np.array([40, 7, 7, 40, 11, -1, 7, 40, 3000, 11], "int32")


@pytest.fixture
def batch(generator):
    return generator.normal(size=(10, 4)).astype("float32")


def numpy_split(features, labels, shots):
    """The first rows of each class, and the others."""
    support, query = [], []
    for index, label in enumerate(labels):
        if label != -1:
            seen = (labels[:index] == label).sum()
            (support if seen < shots else query).append(index)
    return features[support], labels[support], features[query], labels[query]


@each_distance
@pytest.mark.parametrize("shots", [1, 2])
def test_class_equals_numpy(batch, shots, distance):
    loss = losses.Prototypical(shots, distance, temperature=0.4)
    expected = numpy_prototypical(
        *numpy_split(batch, BATCH_LABELS, shots), distance, 0.4
    )
    for labels in (BATCH_LABELS, BATCH_LABELS[:, None]):
        assert float(loss(labels, batch)) == pytest.approx(
            expected, rel=helpers.TOLERANCE
        )


def test_class_equals_the_function(batch):
    labels = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 1], "int32")
    parts = numpy_split(batch, labels, 1)
    np.testing.assert_allclose(
        losses.Prototypical()(labels, batch),
        losses.prototypical(*parts, 3),
        rtol=1e-6,
    )


def test_rows_left_out_may_hold_anything(batch):
    loss = losses.Prototypical()
    expected = float(loss(BATCH_LABELS, batch))
    batch[5] = np.nan
    assert float(loss(BATCH_LABELS, batch)) == expected
    (gradient,) = helpers.gradients(lambda x: loss(BATCH_LABELS, x), batch)
    assert not gradient[5].any()
    assert np.isfinite(gradient).all()


def test_classes_without_queries_are_rivals(batch):
    loss = losses.Prototypical(shots=2)
    alone = np.array([0, 1, 1, 0, -1, -1, 1, 0, -1, -1], "int32")
    rival = np.array([0, 1, 1, 0, 2, -1, 1, 0, -1, -1], "int32")
    assert float(loss(rival, batch)) > float(loss(alone, batch))


def test_a_batch_without_queries_is_zero(batch):
    loss = losses.Prototypical(shots=3)
    assert float(loss(BATCH_LABELS, batch)) == 0.0
    (gradient,) = helpers.gradients(lambda x: loss(BATCH_LABELS, x), batch)
    assert not gradient.any()


def test_the_second_row_is_drawn_to_the_first():
    """Sign: against the gradient, the query moves to its own prototype."""
    features = np.array([[0.0], [3.0], [1.0]], "float32")
    loss = losses.Prototypical()
    (gradient,) = helpers.gradients(
        lambda x: loss(np.array([0, 1, 0]), x), features
    )
    assert gradient[2, 0] > 0  # down to 0, away from 3
    assert gradient[0, 0] < 0
    assert gradient[1, 0] < 0


def test_sample_weight_multiplies_the_whole(batch):
    loss = losses.Prototypical()
    assert float(loss(BATCH_LABELS, batch, sample_weight=0.5)) == (
        pytest.approx(0.5 * float(loss(BATCH_LABELS, batch)), rel=1e-6)
    )


def test_plain_fit_learns_to_tell_new_classes_apart(generator):
    """Also with batches of unknown and of unequal size."""
    signal = generator.normal(size=(30, 3))
    noise = 6 * generator.normal(size=(30, 12, 6))
    rows = [np.repeat(signal[:, None], 12, 1), noise]
    x = np.concatenate(rows, axis=-1).astype("float32")
    y = np.arange(30)[:, None].repeat(12, 1)
    model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(4)])
    model.compile(keras.optimizers.Adam(0.02), losses.Prototypical(shots=2))
    unseen = x[20:].reshape(-1, 9), y[20:].reshape(-1)
    before = model.evaluate(*unseen, batch_size=60, verbose=0)
    # 20 classes of 6 rows in a batch; the last batch is half as long.
    x, y = x[:20, :9].swapaxes(0, 1), y[:20, :9].swapaxes(0, 1)
    model.fit(
        x.reshape(-1, 9),
        y.reshape(-1),
        batch_size=120,
        epochs=60,
        shuffle=False,
        verbose=0,
    )
    after = model.evaluate(*unseen, batch_size=60, verbose=0)
    assert after < 0.5 * before


@pytest.mark.parametrize(
    "labels, features",
    [
        (np.zeros((4, 3)), np.zeros((4, 2))),  # one-hot
        (np.zeros(4), np.zeros(4)),
        (np.zeros(4), np.zeros((4, 2, 2))),
    ],
)
def test_other_shapes_are_refused(labels, features):
    with pytest.raises(ValueError, match=r"labels \(rows,\) and features"):
        losses.Prototypical()(labels, features)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"shots": 0}, "`shots`.*positive integer"),
        ({"shots": 1.5}, "`shots`.*positive integer"),
        ({"distance": "cosin"}, "Did you mean 'cosine'"),
        ({"temperature": -1}, "`temperature`.*positive number"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.Prototypical(**arguments)
