import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from keras_transfer.transferability.h_score import h_score
from keras_transfer.transferability.h_score import regularized_h_score
from tests.transferability import problems


def _class_means(features, labels):
    means = np.zeros_like(features)
    for label in np.unique(labels):
        means[labels == label] = features[labels == label].mean(axis=0)
    return means


def _reference(features, labels):
    whole = np.cov(features, rowvar=False, bias=True)
    between = np.cov(_class_means(features, labels), rowvar=False, bias=True)
    return np.trace(np.linalg.pinv(whole, rcond=1e-12) @ between)


def _regularized_reference(features, labels):
    features = features - features.mean(axis=0)
    estimate = LedoitWolf(assume_centered=True).fit(features)
    between = np.cov(_class_means(features, labels), rowvar=False, bias=True)
    return np.trace(
        np.linalg.inv(estimate.covariance_)
        @ ((1 - estimate.shrinkage_) * between)
    )


SHAPES = pytest.mark.parametrize("shape", [(60, 8), (24, 40)])
BOTH = pytest.mark.parametrize("score", [h_score, regularized_h_score])


@SHAPES
def test_it_is_the_trace_of_the_paper(generator, shape):
    features, labels = problems.labelled(generator, *shape)
    features += 5.0
    expected = _reference(features, labels)
    assert h_score(features, labels) == pytest.approx(expected, rel=1e-8)


@SHAPES
def test_the_regularized_one_too(generator, shape):
    features, labels = problems.labelled(generator, *shape)
    features += 5.0
    expected = _regularized_reference(features, labels)
    value = regularized_h_score(features, labels)
    assert value == pytest.approx(expected, rel=1e-8)


def test_no_invertible_map_changes_it(generator):
    features, labels = problems.labelled(generator)
    mixed = features @ generator.normal(size=(6, 6)) + generator.normal(size=6)
    value = h_score(features, labels)
    assert h_score(mixed, labels) == pytest.approx(value)


@SHAPES
def test_rotation_scale_and_shift_do_not_change_the_regularized(
    generator, shape
):
    features, labels = problems.labelled(generator, *shape)
    turned = 30 * features @ problems.rotation(generator, shape[1]) + 2
    value = regularized_h_score(features, labels)
    assert regularized_h_score(turned, labels) == pytest.approx(value)


@BOTH
def test_names_and_order_do_not_matter(generator, score):
    features, labels = problems.labelled(generator)
    order = generator.permutation(90)
    value = score(features, labels)
    names = np.array(["z", "x", "y"])[labels]
    assert score(features[order], names[order]) == pytest.approx(value)


@BOTH
def test_informative_features_score_higher(generator, score):
    scores = [
        score(*problems.labelled(np.random.default_rng(0), noise=noise))
        for noise in (1.0, 0.5, 0.3, 0.1)
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[1] and 1 < scores[-1] < 2


def test_no_more_rows_than_columns_saturate_it(generator):
    features = generator.normal(size=(20, 30))
    labels = generator.permutation(np.arange(20) % 4)
    assert h_score(features, labels) == pytest.approx(3.0)
    assert regularized_h_score(features, labels) < 1.0


def test_repeated_columns_change_nothing(generator):
    features, labels = problems.labelled(generator)
    twice = np.concatenate([features, features.astype("float32")], axis=1)
    value = h_score(features.astype("float32"), labels)
    assert h_score(twice.astype("float32"), labels) == pytest.approx(value)


def test_the_regularized_is_never_above_and_comes_near(generator):
    few = problems.labelled(generator, rows=30)
    many = problems.labelled(generator, rows=6000)
    for problem in (few, many):
        assert regularized_h_score(*problem) < h_score(*problem)
    assert regularized_h_score(*many) == pytest.approx(h_score(*many), rel=0.01)


@BOTH
def test_constant_features_say_nothing(score):
    assert score(np.full((6, 3), 0.1), [0, 1] * 3) == 0.0


@BOTH
def test_wrong_arguments_are_refused(score):
    with pytest.raises(ValueError, match="one label for each row"):
        score(np.zeros((4, 2)), [0, 1])
    with pytest.raises(ValueError, match="2 classes or more"):
        score(np.zeros((2, 2)), [0, 0])
