import keras
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from keras_transfer import weighting


def _domains(seed, target_rows=25, rows=300):
    """A curve of which half is moved in the source."""
    generator = np.random.default_rng(seed)

    def draw(count, jump):
        x = generator.uniform(-1, 1, size=(count, 1))
        y = np.sin(3 * x[:, 0]) + jump * (x[:, 0] > 0)
        return x, y + 0.05 * generator.normal(size=count)

    return draw(rows, 2.0), draw(target_rows, 0.0), draw(1000, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_better_than_all_rows_alike(seed):
    source, target, test = _domains(seed)
    tree = DecisionTreeRegressor(max_depth=4, random_state=0)
    model = weighting.TrAdaBoostR2(tree, 20)
    model.fit(*source, *target)
    found = ((model.predict(test[0]) - test[1]) ** 2).mean()
    both = [np.concatenate(pair) for pair in zip(source, target, strict=True)]
    alike = ((tree.fit(*both).predict(test[0]) - test[1]) ** 2).mean()
    assert found < 0.5 * alike


class _Scripted:
    def __init__(self, said, seen):
        self.said, self.seen = said, seen

    def fit(self, rows, labels, sample_weight):
        self.seen.append(sample_weight)

    def predict(self, rows):
        return np.resize(self.said, len(rows)).astype(float)


def test_rounds_are_those_of_the_paper():
    seen = []
    said = iter([[0.0, 1.0, 4.0, 0.0, 1.0], [0.0] * 5])
    model = weighting.TrAdaBoostR2(
        lambda: _Scripted(next(said), seen), 2, target_share=None
    )
    x = np.zeros((3, 1))
    model.fit(x, [0.0, 2.0, 0.0], x[:2], [0.0, 2.0])
    # Errors 0 1 4 | 0 1, of which the largest is 4.
    loss = np.array([0, 0.25, 1, 0, 0.25])
    error = 0.125
    assert model.rounds_[0].error == pytest.approx(error)
    # At least half a row of two is taken to be wrong.
    vote = np.log(0.75 / 0.25)
    assert model.rounds_[0].vote == pytest.approx(vote)
    beta = 1 / (1 + np.sqrt(2 * np.log(3) / 2))
    w = np.append(beta ** loss[:3], np.exp(vote * loss[3:]))
    np.testing.assert_allclose(seen[1], 5 * w / w.sum())


def test_the_prediction_is_the_weighted_median():
    said = iter([1.0, 2.0, 3.0, 10.0, 20.0])
    model = weighting.TrAdaBoostR2(lambda: _Scripted(next(said), []), 5)
    x = np.zeros((4, 1))
    model.fit(x, np.zeros(4), x, np.zeros(4))
    votes = [each.vote for each in model.rounds_]
    # All are wrong everywhere, so that no learner votes: the median of the
    # last three.
    assert votes == [0] * 5
    assert model.predict(x[:2]).tolist() == [10.0, 10.0]


def test_keras_models():
    source, target, _ = _domains(0)

    def build():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        return model

    model = weighting.TrAdaBoostR2(
        build, 2, fit_arguments={"epochs": 2, "batch_size": 65}
    ).fit(*source, *target)
    found = model.predict(np.array([[-0.5], [0.5]]))
    # It has learned that the curve rises.
    assert found.shape == (2,) and found[1] > found[0]


def test_no_error_at_all():
    x = np.arange(6.0)[:, None]
    model = weighting.TrAdaBoostR2(LinearRegression(), 3)
    model.fit(x, x[:, 0], x[:2], x[:2, 0])
    np.testing.assert_allclose(model.predict([[9.0]]), 9.0)


def test_what_cannot_be_fitted_is_refused():
    x = np.zeros((2, 1))
    model = weighting.TrAdaBoostR2(LinearRegression())
    for bad in (["a", "b"], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="`labels`.*finite numbers"):
            model.fit(x, bad, x, [0.0, 1.0])
    with pytest.raises(RuntimeError, match="Call `fit`"):
        model.predict(x)
    wide = weighting.TrAdaBoostR2(lambda: _Wide())
    with pytest.raises(ValueError, match=r"shape \(4, 2\)"):
        wide.fit(x, [0.0, 1.0], x, [0.0, 1.0])


class _Wide:
    def fit(self, rows, labels, sample_weight):
        pass

    def predict(self, rows):
        return np.zeros((len(rows), 2))
