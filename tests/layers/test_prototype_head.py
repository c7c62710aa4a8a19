"""Nearest means of classes: fixed ones, and those of episodes."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers
from tests.ops.test_prototypes import numpy_logits
from tests.ops.test_prototypes import numpy_means

pytestmark = pytest.mark.any_backend

LABELS = np.array([0, 1, 1, 2, 0, -1], "int32")
each_distance = pytest.mark.parametrize("distance", ["euclidean", "cosine"])


def numpy_head(queries, support, labels, ways, distance, temperature=1.0):
    means, counts = numpy_means(support, labels, ways)
    return numpy_logits(queries, means, counts, distance, temperature)


def softmax(logits):
    return helpers.to_numpy(keras.ops.softmax(logits))


@pytest.fixture
def support(generator):
    return generator.normal(size=(6, 4)).astype("float32")


@pytest.fixture
def queries(generator):
    return generator.normal(size=(5, 4)).astype("float32") + 0.5


@pytest.fixture
def adapted(support):
    head = kt.layers.PrototypeHead()
    head.adapt(support, LABELS)
    return head


# === Fixed prototypes ===


@each_distance
def test_fixed_logits_equal_numpy(support, queries, distance):
    head = kt.layers.PrototypeHead(distance, temperature=0.3)
    head.adapt(support, LABELS)
    np.testing.assert_allclose(
        head(queries),
        numpy_head(queries, support, LABELS, 3, distance, 0.3),
        rtol=1e-5,
        atol=1e-5,
    )
    assert helpers.to_numpy(head.counts).tolist() == [2, 2, 1]
    assert (head.num_classes, head.width) == (3, 4)
    assert not head.trainable_weights


def test_adapt_takes_tensors_and_any_order(support, queries, generator):
    heads = [kt.layers.PrototypeHead() for _ in range(2)]
    order = generator.permutation(6)
    heads[0].adapt(support, LABELS)
    heads[1].adapt(
        keras.ops.convert_to_tensor(support[order]),
        keras.ops.convert_to_tensor(LABELS[order]),
    )
    np.testing.assert_allclose(
        heads[0](queries), helpers.to_numpy(heads[1](queries)), atol=1e-5
    )


def test_adapt_takes_small_integers(adapted, support, queries):
    head = kt.layers.PrototypeHead()
    head.adapt(support[:5], LABELS[:5].astype("uint8"))
    np.testing.assert_array_equal(head(queries), adapted(queries))


def test_euclidean_logits_do_not_change_under_translation(support, queries):
    heads = [kt.layers.PrototypeHead() for _ in range(2)]
    heads[0].adapt(support, LABELS)
    heads[1].adapt(support + 7.0, LABELS)
    np.testing.assert_allclose(
        heads[0](queries), heads[1](queries + 7.0), atol=1e-4
    )


def test_cosine_logits_do_not_change_with_scale(support, queries):
    heads = [kt.layers.PrototypeHead("cosine") for _ in range(2)]
    heads[0].adapt(support, LABELS)
    heads[1].adapt(support * 50.0, LABELS)
    lengths = np.arange(1, 6, dtype="float32")[:, None]
    np.testing.assert_allclose(
        heads[0](queries), heads[1](queries * lengths), atol=1e-5
    )


def test_adapt_again_sets_other_prototypes(adapted, support, queries):
    variables = adapted.weights
    adapted.adapt(support[::-1], LABELS)
    assert all(
        one is other
        for one, other in zip(variables, adapted.weights, strict=True)
    )
    np.testing.assert_allclose(
        adapted(queries),
        numpy_head(queries, support[::-1], LABELS, 3, "euclidean"),
        rtol=1e-5,
    )
    wider = np.concatenate([support, support], axis=1)
    adapted.adapt(wider[:5], [0, 1, 2, 3, 3])
    assert (adapted.num_classes, adapted.width) == (4, 8)
    assert len(adapted.weights) == 2
    assert tuple(adapted(wider).shape) == (6, 4)


@pytest.mark.parametrize("num_classes", [None, 6])
def test_classes_without_rows_are_never_predicted(
    support, queries, num_classes
):
    head = kt.layers.PrototypeHead()
    labels = np.array([0, 4, 4, 0, 2, 2])
    head.adapt(support, labels, num_classes)
    probabilities = softmax(head(queries))
    assert probabilities.shape == (5, num_classes or 5)
    absent = [1, 3] + ([5] if num_classes else [])
    np.testing.assert_array_equal(probabilities[:, absent], 0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_add_class_leaves_the_others_alone(adapted, support, queries):
    before = helpers.to_numpy(adapted(queries))
    new = queries[:2] * 2.0
    assert adapted.add_class(new) == 3
    after = helpers.to_numpy(adapted(queries))
    np.testing.assert_allclose(after[:, :3], before, atol=1e-5)
    everything = np.concatenate([support, new])
    labels = np.concatenate([LABELS, [3, 3]])
    np.testing.assert_allclose(
        after,
        numpy_head(queries, everything, labels, 4, "euclidean"),
        rtol=1e-5,
        atol=1e-5,
    )
    assert helpers.to_numpy(adapted.counts).tolist() == [2, 2, 1, 2]


def test_drop_class_moves_those_behind_it_down(adapted, queries):
    before = helpers.to_numpy(adapted(queries))
    adapted.drop_class(1)
    np.testing.assert_allclose(adapted(queries), before[:, [0, 2]], atol=1e-5)
    assert helpers.to_numpy(adapted.counts).tolist() == [2, 1]
    assert len(adapted.weights) == 2


def _model(head):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, use_bias=False), head]
    )


def test_a_model_that_predicted_before_does_not_answer_as_before(
    adapted, queries
):
    model = _model(adapted)
    model.predict(queries, verbose=0)
    adapted.adapt(queries, [0, 0, 1, 1, 2])  # as many classes
    np.testing.assert_allclose(
        model.predict(queries, verbose=0), model(queries), atol=1e-5
    )
    adapted.drop_class(0)
    outdated = model.predict(queries, verbose=0)
    if keras.backend.backend() == "tensorflow":
        assert np.isnan(outdated).all()
    model.compile()
    np.testing.assert_allclose(
        model.predict(queries, verbose=0), model(queries), atol=1e-5
    )


@pytest.mark.parametrize("learn_temperature", [False, True])
def test_a_file_keeps_the_classes_and_lets_them_change(
    adapted, queries, tmp_path, learn_temperature
):
    head = kt.layers.PrototypeHead(
        temperature=0.4, learn_temperature=learn_temperature
    )
    head.adapt(queries, [0, 0, 1, 1, 2])
    model = _model(head)
    head.add_class(queries[:1])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.output_shape == (None, 4)
    np.testing.assert_allclose(loaded(queries), model(queries), rtol=1e-6)
    again = loaded.layers[-1]
    assert again.add_class(queries[1:2]) == 4
    again.drop_class(0)
    again.drop_class(0)
    assert loaded(queries).shape[-1] == 3
    assert len(again.weights) == 2 + learn_temperature
    loaded.save(tmp_path / "again.keras")
    once_more = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(once_more(queries), loaded(queries), rtol=1e-6)


def test_a_head_of_known_shape_takes_weights(adapted, queries):
    head = kt.layers.PrototypeHead(num_classes=3, width=4)
    np.testing.assert_array_equal(head(queries), np.float32(-1e30))
    head.set_weights(adapted.get_weights())
    np.testing.assert_allclose(head(queries), adapted(queries), rtol=1e-6)


def test_an_exported_model_has_the_classes_of_now(adapted, queries, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow")
    import tensorflow as tf

    model = _model(adapted)
    adapted.add_class(queries)
    model.export(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    served = loaded.serve(tf.constant(queries))
    assert served.shape == (5, 4)
    np.testing.assert_allclose(served, model(queries), atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("inside", [False, True])
def test_half_precision_of_features_is_all_that_is_lost(
    support, queries, policy, inside
):
    """Squared distances of these features are beyond 65504."""
    keras.config.set_dtype_policy(policy)
    head = kt.layers.PrototypeHead(temperature=1.001, learn_temperature=True)
    head.adapt(support * 100, LABELS)
    halves = keras.ops.cast(queries * 100, policy.removeprefix("mixed_"))
    model = keras.Sequential([keras.Input((4,)), head]) if inside else head
    logits = helpers.to_numpy(model(halves))
    assert logits.dtype == "float32" and logits.min() < -65504
    exact = helpers.to_numpy(keras.ops.cast(halves, "float32"))
    expected = numpy_head(
        exact, support * 100, LABELS, 3, "euclidean", temperature=1.001
    )
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


def test_features_of_float32_are_not_cast_to_halves(support, queries):
    head = kt.layers.PrototypeHead(dtype="mixed_bfloat16")
    head.adapt(support, LABELS)
    expected = numpy_head(queries, support, LABELS, 3, "euclidean")
    np.testing.assert_allclose(head(queries), expected, rtol=1e-5)


def test_weights_are_float32_even_under_a_policy_of_halves(support, queries):
    head = kt.layers.PrototypeHead(dtype="bfloat16", learn_temperature=True)
    head.adapt(support, LABELS)
    assert [v.dtype for v in head.weights] == ["float32", "float32", "int32"]
    assert keras.backend.standardize_dtype(head(queries).dtype) == "float32"


def test_a_symbolic_call_tells_the_dtype_that_comes_out(adapted, queries):
    keras.config.set_dtype_policy("mixed_float16")
    head = kt.layers.PrototypeHead()
    head.adapt(queries, [0, 0, 1, 1, 2])
    outputs = _model(head).outputs[0]
    assert outputs.dtype == "float32" and outputs.shape == (None, 3)


def test_a_call_before_adapt_is_refused(queries):
    head = kt.layers.PrototypeHead(ways=3)
    for call in (head, head.add_class):
        with pytest.raises(ValueError, match="has no prototypes yet.*adapt"):
            call(queries)
    with pytest.raises(ValueError, match="has no prototypes yet"):
        head.drop_class(0)
    with pytest.raises(ValueError, match="has no prototypes yet"):
        head(keras.Input((4,)))


@pytest.mark.parametrize("shape", [(5, 3), (4,)])
def test_features_of_another_width_are_refused(adapted, shape):
    with pytest.raises(ValueError, match=r"\(\.\.\., rows, 4\)"):
        adapted(np.ones(shape, "float32"))
    with pytest.raises(ValueError, match=r"shape \(rows, 4\)"):
        adapted.add_class(np.ones(shape, "float32"))


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 1, 1, 2, 0, -2], r"Labels must be 0, 1, .*\[-2, 0, 1, 2\]"),
        ([0, 1, 1, 2, 0], "need labels of shape"),
        ([[0, 1, 1, 2, 0, 1]], "in one axis"),
        (np.zeros(6), "must be integers"),
        ([-1] * 6, "No row has a label"),
    ],
    ids=["below", "few", "axes", "floats", "none"],
)
def test_adapt_refuses_labels(support, labels, message):
    head = kt.layers.PrototypeHead()
    with pytest.raises(ValueError, match=message):
        head.adapt(support, labels)
    assert head.prototypes is None


def test_adapt_refuses_labels_beyond_the_number_of_classes(support):
    with pytest.raises(ValueError, match=r"num_classes - 1.*num_classes=2"):
        kt.layers.PrototypeHead().adapt(support, LABELS, num_classes=2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(adapted, support, value):
    support[3, 1] = value
    with pytest.raises(ValueError, match=r"finite.*\[3\]"):
        adapted.adapt(support, LABELS)
    with pytest.raises(ValueError, match=r"finite.*\[3\]"):
        adapted.add_class(support)


def test_a_class_without_rows_cannot_be_added(adapted):
    with pytest.raises(ValueError, match="at least one row"):
        adapted.add_class(np.ones((0, 4), "float32"))


@pytest.mark.parametrize("index", [3, -1, 1.0, "cat"])
def test_only_a_known_class_can_be_dropped(adapted, index):
    with pytest.raises(ValueError, match="`index`.*class from 0 to 2"):
        adapted.drop_class(index)


def test_the_last_class_stays(adapted):
    adapted.drop_class(2)
    adapted.drop_class(0)
    with pytest.raises(ValueError, match="last class"):
        adapted.drop_class(0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"distance": "euclid"}, "Did you mean 'euclidean'"),
        ({"temperature": 0}, "`temperature`.*positive number"),
        ({"temperature": np.inf}, "`temperature`.*positive number"),
        ({"ways": 0}, "`ways`.*positive integer"),
        ({"num_classes": 3}, "go together.*give `ways`"),
        ({"width": 3}, "go together"),
        ({"num_classes": 0, "width": 3}, "`num_classes`.*positive"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.layers.PrototypeHead(**arguments)


# === Episodes ===


@pytest.fixture
def episodes(generator):
    """Three tasks of 5, 3 and 2 ways; -1 pads the smaller ones."""
    support = generator.normal(size=(3, 8, 4)).astype("float32")
    queries = generator.normal(size=(3, 6, 4)).astype("float32")
    labels = np.array(
        [
            [0, 1, 2, 3, 4, 4, 0, 1],
            [2, 0, 1, 0, 1, -1, -1, -1],
            [1, 0, -1, -1, -1, -1, -1, -1],
        ],
        "int32",
    )
    return queries, support, labels


@each_distance
def test_episodes_equal_numpy(episodes, distance):
    queries, support, labels = episodes
    head = kt.layers.PrototypeHead(distance, 0.3, ways=5)
    logits = helpers.to_numpy(head(queries, support, labels))
    assert logits.shape == (3, 6, 5)
    for task in range(3):
        np.testing.assert_allclose(
            logits[task],
            numpy_head(
                queries[task], support[task], labels[task], 5, distance, 0.3
            ),
            rtol=1e-5,
            atol=1e-5,
        )


@each_distance
def test_an_episode_equals_fixed_prototypes(episodes, distance):
    queries, support, labels = (x[0] for x in episodes)
    head = kt.layers.PrototypeHead(distance)
    head.adapt(support, labels)
    np.testing.assert_allclose(
        head(queries), head(queries, support, labels, ways=5), atol=1e-6
    )


@each_distance
def test_neighbours_do_not_change_a_task(episodes, distance):
    queries, support, labels = episodes
    head = kt.layers.PrototypeHead(distance, ways=5)
    logits = helpers.to_numpy(head(queries, support, labels))
    # Other neighbours, one of them spoilt, and no neighbours at all.
    queries, support = queries.copy(), support.copy()
    queries[1:] *= 1e3
    support[2] = np.nan
    others = np.full_like(labels, 4)
    others[0] = labels[0]
    changed = helpers.to_numpy(head(queries, support, others))
    np.testing.assert_allclose(changed[0], logits[0], atol=1e-5)
    alone = head(queries[:1], support[:1], labels[:1])
    np.testing.assert_allclose(alone[0], logits[0], atol=1e-5)
    assert tuple(alone.shape) == (1, 6, 5)


def test_padding_does_not_change_a_task(episodes):
    queries, support, labels = (x[2] for x in episodes)
    head = kt.layers.PrototypeHead(ways=5)
    logits = helpers.to_numpy(head(queries, support, labels))
    short = head(queries, support[:2], labels[:2])
    np.testing.assert_allclose(short, logits, atol=1e-5)
    support[2:] = np.nan
    np.testing.assert_array_equal(head(queries, support, labels), logits)


def test_other_queries_do_not_change_a_query(episodes):
    queries, support, labels = (x[0] for x in episodes)
    head = kt.layers.PrototypeHead(ways=5)
    logits = helpers.to_numpy(head(queries, support, labels))
    alone = head(queries[:1], support, labels)
    np.testing.assert_allclose(alone, logits[:1], atol=1e-5)


def test_masked_classes_have_probability_zero(episodes):
    queries, support, labels = episodes
    head = kt.layers.PrototypeHead(ways=5)
    # Far away, real logits are about -1e12.
    for scale in (1.0, 1e6):
        logits = head(queries * scale, support * scale, labels)
        probabilities = softmax(logits)
        np.testing.assert_array_equal(probabilities[1, :, 3:], 0)
        np.testing.assert_array_equal(probabilities[2, :, 2:], 0)
        np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)


def test_a_task_without_support_is_finite(episodes):
    queries, support, _ = episodes
    head = kt.layers.PrototypeHead(ways=5)
    logits = head(queries, support, np.full((3, 8), -1))
    np.testing.assert_allclose(softmax(logits), 0.2, rtol=1e-6)


def test_a_label_beyond_the_ways_spoils_its_task_only(episodes):
    queries, support, labels = episodes
    logits = helpers.to_numpy(
        kt.layers.PrototypeHead(ways=3)(queries, support, labels)
    )
    assert np.isnan(logits[0]).all()
    assert np.isfinite(logits[1:]).all()


def test_order_of_the_support_does_not_matter(episodes, generator):
    queries, support, labels = episodes
    head = kt.layers.PrototypeHead(ways=5)
    order = generator.permutation(8)
    np.testing.assert_allclose(
        head(queries, support, labels),
        head(queries, support[:, order], labels[:, order]),
        rtol=1e-5,
        atol=1e-5,
    )


@each_distance
def test_gradient_pulls_a_query_to_its_class_and_back(episodes, distance):
    queries, support, labels = episodes
    head = kt.layers.PrototypeHead(distance, ways=5)
    answers = np.array([[0, 1, 2, 3, 4, 0], [0, 1, 2] * 2, [0, 1] * 3])

    def loss(q, s):
        return keras.ops.mean(
            keras.losses.sparse_categorical_crossentropy(
                answers, head(q, s, labels), from_logits=True
            )
        )

    by_query, by_support = helpers.gradients(loss, queries, support)
    for gradient in (by_query, by_support):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 1e-3
    np.testing.assert_array_equal(by_support[labels < 0], 0)
    before = float(loss(queries, support))
    assert float(loss(queries - 0.05 * by_query, support)) < before
    assert float(loss(queries, support - 0.05 * by_support)) < before


@pytest.mark.parametrize("right, sign", [(True, 1), (False, -1)])
def test_temperature_falls_where_answers_are_right(right, sign):
    head = kt.layers.PrototypeHead(temperature=2.0, learn_temperature=True)
    head.adapt(np.eye(2), [0, 1])
    x = np.eye(2, dtype="float32") if right else np.eye(2)[::-1].copy()

    def loss():
        return keras.ops.sum(
            keras.losses.sparse_categorical_crossentropy(
                np.array([0, 1]), head(x), from_logits=True
            )
        )

    (weight,) = head.trainable_variables
    (gradient,) = helpers.gradients_of_variables(loss, [weight])
    assert sign * gradient > 0.1
    np.testing.assert_allclose(head(np.eye(2))[0], [0, -1], atol=1e-6)
    weight.assign(np.log(0.5))
    np.testing.assert_allclose(head(np.eye(2))[0], [0, -4], atol=1e-6)


@each_distance
def test_compiled_episodes_equal_eager_ones(episodes, distance):
    head = kt.layers.PrototypeHead(distance, ways=5)
    tensors = [keras.ops.convert_to_tensor(x) for x in episodes]
    np.testing.assert_allclose(
        helpers.compiled(lambda *args: head(*args))(*tensors),
        helpers.to_numpy(head(*tensors)),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_episodes_of_half_precision(episodes, half):
    queries, support, labels = episodes
    keras.config.set_dtype_policy(f"mixed_{half}")
    head = kt.layers.PrototypeHead(ways=5)
    halves = [keras.ops.cast(x * 100, half) for x in (queries, support)]
    logits = helpers.to_numpy(head(*halves, labels))
    assert logits.dtype == "float32"
    exact = [helpers.to_numpy(keras.ops.cast(x, "float32")) for x in halves]
    np.testing.assert_allclose(logits, head(*exact, labels), rtol=1e-5)


def _episodic_model():
    queries = keras.Input((None, 4), name="query")
    support = keras.Input((None, 4), name="support")
    labels = keras.Input((None,), dtype="int32", name="support_labels")
    encoder = keras.layers.Dense(4)
    head = kt.layers.PrototypeHead(learn_temperature=True)
    logits = head(
        encoder(queries),
        support=encoder(support),
        support_labels=labels,
        ways=5,
    )
    return keras.Model([queries, support, labels], logits)


def test_a_functional_model_of_episodes_learns_and_is_saved(episodes, tmp_path):
    queries, support, labels = episodes
    model = _episodic_model()
    assert model.output_shape == (None, None, 5)
    model.compile(
        keras.optimizers.Adam(0.05),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=-1
        ),
    )
    answers = np.array([[0, 1, 2, 3, 4, 0], [0, 1, 2] * 2, [0, 1, -1] * 2])
    arrays = [queries, support, labels]
    losses = model.fit(
        arrays, answers, batch_size=3, epochs=15, verbose=0
    ).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert len(model.trainable_variables) == 3
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(arrays, verbose=0),
        model.predict(arrays, verbose=0),
        rtol=1e-5,
    )


def test_an_exported_model_of_episodes_keeps_tasks_apart(episodes, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow")
    import tensorflow as tf

    model = _episodic_model()
    model.export(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    together = loaded.serve([tf.constant(x) for x in episodes])
    np.testing.assert_allclose(together, model(list(episodes)), atol=1e-5)
    for task in range(3):
        one = [tf.constant(x[task : task + 1]) for x in episodes]
        alone = loaded.serve(one)
        np.testing.assert_allclose(alone[0], together[task], atol=1e-5)


def test_an_episode_needs_its_parts(episodes):
    queries, support, labels = episodes
    head = kt.layers.PrototypeHead()
    with pytest.raises(ValueError, match="`ways`.*positive integer"):
        head(queries, support, labels)
    for arguments in (
        {"support": support},
        {"support_labels": labels},
        {"ways": 5},
    ):
        with pytest.raises(ValueError, match="needs both"):
            head(queries, **arguments)
    with pytest.raises(ValueError, match="must be integers"):
        head(queries, support, labels.astype("float32"), ways=5)


@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 6, 4), (3, 8, 5), (3, 8)),
        ((3, 6, 4), (8, 4), (8,)),
        ((6, 4), (3, 8, 4), (3, 8)),
        ((3, 6, 4), (2, 8, 4), (2, 8)),
        ((3, 6, 4), (3, 8, 4), (8,)),
        ((2, 3, 6, 4), (2, 3, 8, 4), (2, 3, 8)),
    ],
)
def test_parts_that_do_not_fit_are_refused(shapes):
    queries, support, labels = (np.zeros(shape, "float32") for shape in shapes)
    head = kt.layers.PrototypeHead(ways=5)
    with pytest.raises(ValueError, match="An episode takes inputs"):
        head(queries, support, labels.astype("int32"))
