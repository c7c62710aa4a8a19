"""Branches: a strength that does not learn, and weights in full precision."""

import keras
import pytest
from keras import layers

from keras_transfer.finetune.adapters.abstract_branch import AbstractBranch
from keras_transfer.finetune.adapters.abstract_branch import learning_policy


def _branch(dtype="float32"):
    base = layers.Dense(3, dtype=dtype)
    base.build((2, 4))
    return AbstractBranch(None, base, name="default")


def test_without_overrides_it_does_nothing():
    branch = _branch()
    assert branch.scale_inputs(3) == 3
    assert branch.term(3, 4, False) is None
    assert branch.change_outputs(3, False) == 3
    assert branch.merge_term(1, 2, 3) == (1, 2)
    assert branch.merge_factor(1, 2) == (1, 2)
    assert branch.merge_refusal("relu", None) is None


def test_strength_is_no_weight_of_the_adapter():
    branch = _branch()
    weight = branch.add_learnt("a", (2,), "zeros")
    branch.trainable = True
    assert branch.own_weights == [weight] == branch.trainable_weights
    assert float(branch.strength) == 1.0


@pytest.mark.parametrize(
    ("base", "computes"),
    [
        ("float32", "float32"),
        ("mixed_float16", "float16"),
        ("bfloat16", "bfloat16"),
    ],
)
def test_weights_are_float32(base, computes):
    policy = learning_policy(keras.DTypePolicy(base))
    assert (policy.variable_dtype, policy.compute_dtype) == (
        "float32",
        computes,
    )
    branch = _branch(base)
    weight = branch.add_learnt("a", (2,), "zeros")
    assert weight.dtype == "float32"
    cast = branch.in_compute_dtype(weight)
    assert keras.backend.standardize_dtype(cast.dtype) == computes
