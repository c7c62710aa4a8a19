"""What a new penalty has to implement."""

import keras
import pytest

from keras_transfer.finetune.abstract_penalty import AbstractPenalty


def test_call_must_be_implemented():
    with pytest.raises(TypeError, match="call"):
        AbstractPenalty()


def test_a_penalty_of_ones_own():
    class Mean(AbstractPenalty):
        def call(self, features, inputs):
            return keras.ops.mean(features[0])

    penalty = Mean()
    assert penalty.layers is None
    assert penalty.start(None) is None
    assert float(penalty([keras.ops.ones((2, 3))], None)) == 1.0
