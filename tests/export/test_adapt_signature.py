"""MAML on a server: inner gradient steps inside the graph."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.export import adapt_signature
from keras_transfer.export.served_model import ServedModel
from tests.export import graphs

WAYS = 4


def _learner(**settings):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1), name="image"),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(WAYS),
        ]
    )
    return kt.meta.MAML(
        model, **{"inner_learning_rate": 0.3, "inner_steps": 2, **settings}
    )


@pytest.fixture
def tasks(generator):
    """Makes requests of a number of tasks with three classes each."""

    def make(number, shots=2, queries=3):
        labels = [generator.permutation(np.repeat(range(3), shots))] * number
        images = generator.normal(
            size=(number, 3 * shots + queries, 6, 6, 1)
        ).astype("float32")
        return {
            "support": images[:, : 3 * shots],
            "support_labels": np.array(labels, "int32"),
            "query": images[:, 3 * shots :],
        }

    return make


def _signature(learner):
    served = ServedModel(learner.model)
    return served, adapt_signature.adapt_signature(learner, served)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"adapt": "head", "learn_inner_rates": "layer_and_step"},
        {"initialization": "prototypes", "inner_steps_at_test": 3},
    ],
)
def test_the_graph_answers_as_the_adapted_model(settings, tasks):
    learner = _learner(**settings)
    _, signature = _signature(learner)
    rows = tasks(2)
    found = graphs.call(signature, rows)
    assert found["scores"].shape == (2, 3, WAYS)
    np.testing.assert_allclose(found["scores"].sum(-1), 1, atol=1e-6)
    # The class without support.
    np.testing.assert_array_equal(found["scores"][..., 3], 0)
    graphs.assert_same(signature.reference(rows), found, 1e-5)


def test_no_query_sees_another_and_no_task_another(tasks):
    _, signature = _signature(_learner())
    rows = tasks(3)
    whole = graphs.call(signature, rows)
    changed = {k: x.copy() for k, x in rows.items()}
    changed["query"][:, 1:] *= -3
    changed["support"][[0, 2]] += 5
    found = graphs.call(signature, changed)
    np.testing.assert_allclose(
        found["scores"][1, 0], whole["scores"][1, 0], atol=1e-6
    )
    assert not np.allclose(found["scores"][1, 1], whole["scores"][1, 1])
    assert not np.allclose(found["scores"][0, 0], whole["scores"][0, 0])


def test_the_support_is_learnt_from(tasks):
    _, signature = _signature(_learner())
    rows = tasks(1)
    other = dict(rows, support_labels=(rows["support_labels"] + 1) % 3)
    answers = [graphs.call(signature, r)["scores"] for r in (rows, other)]
    assert not np.allclose(*answers)


@pytest.mark.slow
def test_maml_is_published_and_answers_through_the_graph_loader(
    tasks, tmp_path
):
    learner = _learner(learn_inner_rates="parameter")
    report = kt.export.save_few_shot(learner, tmp_path)
    assert report.passed and report.largest_difference < 1e-5
    rows = tasks(2, shots=3, queries=5)
    (answer,) = graphs.run(
        report.path, [("adapt_and_predict", rows)], "graph_session"
    )
    _, signature = _signature(learner)
    graphs.assert_same(answer.outputs, signature.reference(rows), 1e-5)


def test_what_cannot_be_served_is_refused(tmp_path):
    with pytest.raises(ValueError, match="argument `ways`"):
        kt.export.save_few_shot(_learner(), tmp_path, ways=3)
    with pytest.raises(ValueError, match="argument `head`"):
        kt.export.save_few_shot(
            _learner(), tmp_path, head=kt.layers.PrototypeHead()
        )
    regression = kt.meta.MAML(
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    )
    with pytest.raises(ValueError, match="2 or more classes"):
        kt.export.save_few_shot(regression, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_returns_probabilities_is_refused():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")]
    )
    with pytest.raises(ValueError, match="ends in softmax.*logits"):
        adapt_signature.ways_of(kt.meta.MAML(model), None)
