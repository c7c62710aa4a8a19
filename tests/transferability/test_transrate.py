import numpy as np
import pytest

from keras_transfer.transferability.transrate import transrate
from tests.transferability import problems


def _rate(features, eps):
    rows, width = features.shape
    gram = np.eye(width) + features.T @ features / (rows * eps)
    return 0.5 * np.log(np.linalg.eigvalsh(gram)).sum()


def _reference(features, labels, eps):
    features = features - features.mean(axis=0)
    value = _rate(features, eps)
    for label in np.unique(labels):
        mine = features[labels == label]
        value -= len(mine) / len(features) * _rate(mine, eps)
    return value


@pytest.mark.parametrize("shape", [(60, 8), (24, 40)])
@pytest.mark.parametrize("eps", [1e-4, 0.5])
def test_it_is_the_formula_of_the_paper(generator, shape, eps):
    features, labels = problems.labelled(generator, *shape)
    labels[:5] = 0  # classes of different size
    features += 3.0
    expected = _reference(features, labels, eps)
    value = transrate(features, labels, eps)
    assert value == pytest.approx(expected, rel=1e-8)


def test_rotation_shift_and_names_do_not_matter(generator):
    features, labels = problems.labelled(generator)
    turned = features @ problems.rotation(generator, 6) - 7
    names = np.array(["z", "x", "y"])[labels]
    value = transrate(features, labels)
    assert transrate(turned, names) == pytest.approx(value)


def test_eps_is_a_scale(generator):
    features, labels = problems.labelled(generator)
    value = transrate(features, labels, 1e-3)
    assert transrate(10 * features, labels, 0.1) == pytest.approx(value)


def test_informative_features_score_higher():
    scores = [
        transrate(*problems.labelled(np.random.default_rng(0), noise=noise))
        for noise in (4.0, 1.0, 0.3, 0.1)
    ]
    assert scores == sorted(scores)


def test_opposite_classes_look_alike():
    """As the docstring warns."""
    features = [[-1.0], [-1.0], [1.0], [1.0]]
    assert transrate(features, [0, 0, 1, 1]) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("eps", [0, -1.0, float("nan"), "small"])
def test_wrong_eps_is_refused(eps):
    with pytest.raises(ValueError, match="`eps`.*a positive number"):
        transrate(np.zeros((2, 2)), [0, 1], eps)
