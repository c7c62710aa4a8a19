import keras
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from keras_transfer import weighting


def _domains(seed, target_rows=40, rows=400):
    """A boundary that is turned: half of the source contradicts the target."""
    generator = np.random.default_rng(seed)

    def draw(count, normal):
        x = generator.normal(size=(count, 2))
        return x, (x @ normal > 0).astype(int)

    source = draw(rows, np.array([1.0, -1.0]))
    target = draw(target_rows, np.array([1.0, 0.6]))
    test = draw(2000, np.array([1.0, 0.6]))
    return source, target, test


@pytest.mark.parametrize("seed", range(3))
def test_it_is_better_than_all_rows_alike(seed):
    source, target, test = _domains(seed)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    model = weighting.TrAdaBoost(tree, rounds=20).fit(*source, *target)
    found = (model.predict(test[0]) != test[1]).mean()
    both = [np.concatenate(pair) for pair in zip(source, target, strict=True)]
    alike = (tree.fit(*both).predict(test[0]) != test[1]).mean()
    assert found < 0.75 * alike


def test_few_rows_without_a_share_of_their_own_change_nothing():
    """What the default share is for: nobody is wrong on the source."""
    source, target, test = _domains(0)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    errors = [
        (
            weighting.TrAdaBoost(tree, 20, share)
            .fit(*source, *target)
            .predict(test[0])
            != test[1]
        ).mean()
        for share in (None, 0.5)
    ]
    assert errors[1] < 0.75 * errors[0]


def test_rows_that_contradict_lose_their_weight():
    source, target, _ = _domains(0)
    model = weighting.TrAdaBoost(LogisticRegression(), rounds=20)
    model.fit(*source, *target)
    agrees = (source[0] @ [1.0, 0.6] > 0) == source[1]
    weights = model.source_weights_
    assert weights.dtype == "float32"
    assert weights.mean() == pytest.approx(1.0, abs=1e-5)
    assert weights[agrees].mean() > 3 * weights[~agrees].mean()


def test_labels_may_be_words():
    source, target, test = _domains(0)
    words = np.array(["no", "yes"])
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    model = weighting.TrAdaBoost(tree).fit(
        source[0], words[source[1]], target[0], words[target[1]]
    )
    plain = weighting.TrAdaBoost(tree).fit(*source, *target)
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(
        model.predict(test[0]), words[plain.predict(test[0])]
    )


def test_shares_of_votes():
    source, target, test = _domains(0)
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    model = weighting.TrAdaBoost(tree, rounds=6).fit(*source, *target)
    shares = model.vote_shares(test[0])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    expected = np.zeros(len(test[0]))
    for each in model.rounds_[2:]:
        expected += each.vote * each.learner.predict(test[0])
    expected /= sum(each.vote for each in model.rounds_[2:])
    np.testing.assert_allclose(shares[:, 1], expected)
    np.testing.assert_array_equal(model.predict(test[0]), expected > 0.5)


def test_three_classes():
    generator = np.random.default_rng(0)
    source = generator.normal(size=(300, 2))
    target = generator.normal(size=(60, 2))

    def label(x, turn):
        angle = np.arctan2(x[:, 1], x[:, 0]) + turn
        return (angle % (2 * np.pi) // (2 * np.pi / 3)).astype(int)

    model = weighting.TrAdaBoost(DecisionTreeClassifier(max_depth=4), 15)
    model.fit(source, label(source, 0.5), target, label(target, 0))
    test = generator.normal(size=(1000, 2))
    assert (model.predict(test) == label(test, 0)).mean() > 0.8


@pytest.mark.parametrize("units", [1, 2], ids=["one_column", "two_columns"])
def test_keras_models(units):
    source, target, test = _domains(0)

    def build():
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(
                    units, activation="sigmoid" if units == 1 else None
                ),
            ]
        )
        model.compile(
            keras.optimizers.SGD(1.0),
            "binary_crossentropy"
            if units == 1
            else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        return model

    model = weighting.TrAdaBoost(
        build, 2, 0.6, fit_arguments={"epochs": 3, "batch_size": 110}
    )
    model.fit(*source, *target)
    assert (model.predict(test[0]) == test[1]).mean() > 0.85


def test_sparse_rows():
    source, target, test = _domains(0)
    linear = LogisticRegression()
    dense = weighting.TrAdaBoost(linear, 5).fit(*source, *target)
    sparse = weighting.TrAdaBoost(linear, 5).fit(
        csr_array(source[0]), source[1], csr_array(target[0]), target[1]
    )
    found = sparse.predict(csr_array(test[0]))
    assert (found == dense.predict(test[0])).mean() > 0.99


def test_a_single_source_row():
    """ln(1) is 0: its weight stays."""
    model = weighting.TrAdaBoost(DecisionTreeClassifier(max_depth=1), 2)
    model.fit([[0.0]], [1], [[0.1], [1.0]], [0, 1])
    assert model.source_weights_.tolist() == [1.0]
    assert np.isfinite(model.vote_shares([[1.0]])).all()


def test_what_cannot_be_fitted_is_refused():
    tree = DecisionTreeClassifier()
    with pytest.raises(ValueError, match="All labels .* one class"):
        weighting.TrAdaBoost(tree).fit([[0.0]], [1], [[1.0]], [1])
    with pytest.raises(RuntimeError, match="Call `fit`"):
        weighting.TrAdaBoost(tree).predict([[0.0]])
    with pytest.raises(ValueError, match="`rounds`"):
        weighting.TrAdaBoost(tree, rounds=0)
    with pytest.raises(ValueError, match="`labels` must be integers"):
        weighting.TrAdaBoost(tree).fit([[0.0]], [0.5], [[1.0]], [1])
