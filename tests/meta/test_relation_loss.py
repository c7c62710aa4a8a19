"""The squared error of scores."""

import keras
import numpy as np
import pytest

from keras_transfer.meta.relation_loss import RelationLoss
from tests import helpers


@pytest.fixture
def scores(generator):
    return generator.uniform(size=(2, 3, 4)).astype("float32")


LABELS = np.array([[0, 3, 1], [2, 2, 0]])


def test_it_equals_numpy(scores):
    expected = ((scores - np.eye(4)[LABELS]) ** 2).sum(-1)
    assert float(RelationLoss()(LABELS, scores)) == pytest.approx(
        expected.mean(), rel=1e-6
    )
    each = RelationLoss(reduction=None)(LABELS, scores)
    np.testing.assert_allclose(each, expected, rtol=1e-6)


def test_classes_that_are_absent_add_nothing(scores):
    wider = np.concatenate([scores, np.zeros((2, 3, 9), "float32")], axis=-1)
    loss = RelationLoss()
    assert float(loss(LABELS, wider)) == float(loss(LABELS, scores))


def test_it_is_zero_for_right_answers():
    assert float(RelationLoss()(LABELS, np.eye(4)[LABELS])) == 0


def test_weights_leave_queries_out(scores):
    weights = np.array([[2.0, 0, 0], [2, 2, 0]], "float32")
    expected = ((scores - np.eye(4)[LABELS]) ** 2).sum(-1)
    loss = RelationLoss()(LABELS, scores, sample_weight=weights)
    assert float(loss) == pytest.approx((expected * weights).mean(), rel=1e-6)


def test_gradient_raises_the_right_score_and_lowers_others(scores):
    (gradient,) = helpers.gradients(lambda x: RelationLoss()(LABELS, x), scores)
    np.testing.assert_array_equal(gradient < 0, np.eye(4)[LABELS] == 1)


def test_half_precision_is_computed_in_float32(scores):
    half = keras.ops.cast(scores, "float16")
    loss = RelationLoss()(LABELS, half)
    exact = RelationLoss()(LABELS, helpers.to_numpy(half).astype("float32"))
    assert float(loss) == float(exact)


def test_config():
    copy = RelationLoss.from_config(RelationLoss(name="error").get_config())
    assert copy.name == "error"
