"""Tasks are answered by their own support, whoever else is served."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import few_shot_requests
from keras_transfer.export import probes
from keras_transfer.export import prototype_signature
from keras_transfer.export.served_model import ServedModel
from tests.export import graphs

WAYS = 4


def _encoder(width=5):
    return keras.Sequential(
        [
            keras.Input((3,), name="x"),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(width, name="features"),
        ]
    )


def _signature(encoder=None, head=None, ways=WAYS):
    served = ServedModel(_encoder() if encoder is None else encoder)
    head = kt.layers.PrototypeHead() if head is None else head
    return prototype_signature.prototype_signature(served, head, ways)


@pytest.fixture
def tasks(generator):
    """Makes requests of a number of tasks with three classes each."""

    def make(number, row=(3,), shots=2, queries=3):
        labels = [generator.permutation(np.repeat(range(3), shots))] * number
        return {
            "support": _normal(generator, number, 3 * shots, *row),
            "support_labels": np.array(labels, "int32"),
            "query": _normal(generator, number, queries, *row),
        }

    return make


def _normal(generator, *shape):
    return generator.normal(size=shape).astype("float32")


def _nearest_mean(encoder, task, temperature=1.0, cosine=False):
    """Scores of one task, written again in NumPy."""
    support = encoder.predict(task["support"], verbose=0).astype("float64")
    query = encoder.predict(task["query"], verbose=0).astype("float64")
    logits = np.full((len(query), WAYS), -np.inf)
    for way in set(task["support_labels"].tolist()) - {-1}:
        mean = support[task["support_labels"] == way].mean(0)
        if cosine:
            lengths = np.linalg.norm(query, axis=1) * np.linalg.norm(mean)
            logits[:, way] = query @ mean / lengths / temperature
        else:
            logits[:, way] = -((query - mean) ** 2).sum(1) / temperature
    scores = np.exp(logits - logits.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True)


# === Answers


@pytest.mark.parametrize(
    ("distance", "temperature", "learnt"),
    [
        ("euclidean", 1.0, False),
        ("euclidean", 3.0, True),
        ("cosine", 0.1, False),
        ("cosine", 0.2, True),
    ],
)
def test_queries_are_classified_by_the_means_of_the_support(
    distance, temperature, learnt, tasks
):
    encoder = _encoder()
    head = kt.layers.PrototypeHead(distance, temperature, learnt)
    head.trainable = False
    signature = _signature(encoder, head)
    rows = tasks(2)
    found = graphs.call(signature, rows)
    expected = np.stack(
        [
            _nearest_mean(
                encoder,
                {name: x[task] for name, x in rows.items()},
                temperature,
                distance == "cosine",
            )
            for task in range(2)
        ]
    )
    assert found["scores"].shape == (2, 3, WAYS)
    np.testing.assert_allclose(found["scores"], expected, atol=1e-5)
    np.testing.assert_array_equal(found["labels"], expected.argmax(-1))
    # The class without support.
    np.testing.assert_array_equal(found["scores"][..., 3], 0)
    graphs.assert_same(signature.reference(rows), found, 1e-5)


def test_a_task_is_answered_by_itself(tasks):
    signature = _signature()
    rows = tasks(3)
    whole = graphs.call(signature, rows)
    rows["support"][[0, 2]] += 5
    rows["support_labels"][[0, 2]] = 3
    rows["query"][[0, 2]] *= 0
    changed = graphs.call(signature, rows)
    alone = graphs.call(signature, {k: x[1:2] for k, x in rows.items()})
    for key in ("scores", "labels"):
        np.testing.assert_allclose(changed[key][1], whole[key][1], atol=1e-6)
        np.testing.assert_allclose(alone[key][0], whole[key][1], atol=1e-6)
    assert not np.allclose(changed["scores"][0], whole["scores"][0])


def test_padding_of_the_support_changes_nothing(tasks):
    signature = _signature()
    rows = tasks(2)
    exact = graphs.call(signature, rows)
    padding = np.full((2, 4, 3), 9.0, "float32")
    padded = {
        "support": np.concatenate([rows["support"], padding], 1),
        "support_labels": np.pad(
            rows["support_labels"], ((0, 0), (0, 4)), constant_values=-1
        ),
        "query": rows["query"],
    }
    graphs.assert_same(graphs.call(signature, padded), exact, 1e-6)
    graphs.assert_same(signature.reference(padded), exact, 1e-5)


def test_tasks_of_images(tasks):
    encoder = keras.Sequential(
        [
            keras.Input((6, 6, 3), name="image"),
            keras.layers.Conv2D(4, 3),
            keras.layers.Flatten(),
        ]
    )
    signature = _signature(encoder)
    rows = tasks(2, row=(6, 6, 3))
    found = graphs.call(signature, rows)
    assert signature.specs["query"].shape.as_list() == [None, None, 6, 6, 3]
    graphs.assert_same(signature.reference(rows), found, 1e-4)


def test_two_clients_at_once_get_their_own_answers(tasks, tmp_path):
    encoder = _encoder()
    served = ServedModel(encoder)
    signature = prototype_signature.prototype_signature(
        served, kt.layers.PrototypeHead(learn_temperature=True), WAYS
    )
    graphs.write(tmp_path / "1", served.model, {"predict": signature})
    first, second = tasks(1), tasks(2)
    # The same classes by other numbers: swapped labels would be seen.
    second["support_labels"] = (second["support_labels"] + 1) % WAYS
    both = {
        name: np.concatenate([x, second[name], *[x[:1]] * 5])
        for name, x in first.items()
    }
    requests = [("predict", rows) for rows in (first, second, both)]
    one, two, merged = graphs.run(tmp_path / "1", requests, "graph_session")
    for key, x in merged.outputs.items():
        np.testing.assert_allclose(x[:1], one.outputs[key], atol=1e-6)
        np.testing.assert_allclose(x[1:3], two.outputs[key], atol=1e-6)
        assert len(x) == 8
    graphs.assert_same(two.outputs, signature.reference(second), 1e-5)


# === Bad requests


def _bad(rows):
    """Dict from words to `(request, message)`."""
    support, labels = rows["support"], rows["support_labels"]
    high, low = labels.copy(), labels.copy()
    high[1, 0], low[1, 0] = WAYS, -2
    empty = labels.copy()
    empty[1] = -1
    broken = rows["query"].copy()
    broken[0, 0, 0] = np.nan
    return {
        "a label too high": ({"support_labels": high}, "must be -1 to 3"),
        "a label too low": ({"support_labels": low}, "must be -1 to 3"),
        "no support": ({"support_labels": empty}, "A task has no support"),
        "no rows of support": (
            {"support": support[:, :0], "support_labels": labels[:, :0]},
            "A task has no support",
        ),
        "a label missing": (
            {"support_labels": labels[:, 1:]},
            "Each row of support needs",
        ),
        "no queries": ({"query": rows["query"][:, :0]}, "There are no queries"),
        "NaN": ({"query": broken}, "'query' has a NaN"),
        "a task of support missing": (
            {"support": support[:1], "support_labels": labels[:1]},
            "differ in rows",
        ),
        "labels of one task": ({"support_labels": labels[:1]}, "differ in"),
        "no tasks": ({k: x[:0] for k, x in rows.items()}, "is empty"),
        "another width": ({"query": rows["query"][..., :2]}, "shape"),
        "no axis of tasks": ({k: x[0] for k, x in rows.items()}, ""),
    }


@pytest.mark.skipif(
    not probes.is_available("c_api"), reason="Python checks at the feed"
)
def test_bad_episodes_are_refused(tasks, tmp_path):
    served = ServedModel(_encoder())
    head = kt.layers.PrototypeHead()
    signature = prototype_signature.prototype_signature(served, head, WAYS)
    graphs.write(tmp_path / "1", served.model, {"predict": signature})
    rows = tasks(2)
    bad = _bad(rows)
    requests = [("predict", {**rows, **change}) for change, _ in bad.values()]
    good, *answers = graphs.run(tmp_path / "1", [("predict", rows), *requests])
    assert good.ok
    found = {
        words: answer.code for words, answer in zip(bad, answers, strict=True)
    }
    assert found == dict.fromkeys(bad, "INVALID_ARGUMENT")
    for (_, message), answer in zip(bad.values(), answers, strict=True):
        assert message in answer.message


def test_episodes_of_strings():
    text = keras.Input((1,), dtype="string")
    x = keras.layers.Hashing(num_bins=3, output_mode="one_hot")(text)
    served = ServedModel(keras.Model(text, x))
    rows = few_shot_requests.examples(served, 2, None)
    signature = _signature(keras.Model(text, x))
    found = graphs.call(signature, rows)
    graphs.assert_same(found, signature.reference(rows), 1e-5)


def test_the_graph_holds_only_what_it_reads(tmp_path):
    served = ServedModel(_encoder())
    head = kt.layers.PrototypeHead(learn_temperature=True)
    head.adapt(np.ones((2, 5)), np.array([0, 1]))  # not used in episodes
    signature = prototype_signature.prototype_signature(served, head, WAYS)
    graphs.write(tmp_path / "1", served.model, {"predict": signature})
    reader = tf.train.load_checkpoint(
        str(tmp_path / "1" / "variables" / "variables")
    )
    names = reader.get_variable_to_shape_map()
    found = [name for name in names if name.startswith("variables/")]
    assert len(found) == len(served.model.weights) + 1
