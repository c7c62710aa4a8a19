import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from keras_transfer.transferability.nce import nce


def _problem(generator, rows=50):
    return generator.integers(4, size=rows), generator.integers(3, size=rows)


def test_it_is_minus_the_conditional_entropy(generator):
    source, labels = _problem(generator)
    expected = 0.0
    for z in range(4):
        mine = labels[source == z]
        for y in range(3):
            share = float((mine == y).mean())
            if share:
                expected += len(mine) / 50 * share * math.log(share)
    assert nce(source, labels) == pytest.approx(expected, abs=1e-12)


def test_it_is_mutual_information_less_entropy(generator):
    source, labels = _problem(generator)
    shares = np.bincount(labels) / 50
    entropy = -(shares * np.log(shares)).sum()
    expected = mutual_info_score(source, labels) - entropy
    assert nce(source, labels) == pytest.approx(expected, abs=1e-12)


def test_scores_count_by_their_largest(generator):
    source, labels = _problem(generator)
    scores = np.eye(4)[source] + generator.uniform(0, 0.9, (50, 4))
    assert nce(scores, labels) == nce(source, labels)


def test_names_of_classes_do_not_matter(generator):
    source, labels = _problem(generator)
    value = nce(source, labels)
    names = np.array(["d", "a", "c", "b"])[source]
    assert nce(names, 7 - 2 * labels) == pytest.approx(value)


def test_classes_that_tell_all_and_nothing():
    assert nce([5, 5, 9, 9], ["a", "a", "b", "b"]) == 0.0
    assert nce([5, 5, 5, 5], [0, 0, 1, 1]) == pytest.approx(-math.log(2))


def test_finer_source_classes_never_score_lower(generator):
    source, labels = _problem(generator)
    finer = 2 * source + generator.integers(2, size=50)
    assert nce(finer, labels) >= nce(source, labels)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="source classes .rows,."):
        nce(np.zeros((2, 2, 2)), [0, 1])
    with pytest.raises(ValueError, match="one label for each row"):
        nce([0, 1, 1], [0, 1])
