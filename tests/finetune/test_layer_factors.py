"""Factors by the names of layers."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune import layer_factors
from keras_transfer.finetune.layer_factors import Name
from keras_transfer.finetune.layer_factors import factors

pytestmark = pytest.mark.any_backend

PATHS = [
    "stem/kernel",
    "stem/bias",
    "norm/gamma",
    "norm/beta",
    "norm/moving_mean",
    "block_1/kernel",
    "block_2/kernel",
    "head/kernel",
]
NAMES = [Name(path, path) for path in PATHS]


def test_decay_counts_layers_from_the_top():
    found = factors(NAMES, decay=0.5)
    # A norm counts with the layer before it.
    expected = 0.5 ** np.array([3, 3, 3, 3, 3, 2, 1, 0])
    np.testing.assert_allclose(found, expected)


def test_decay_counts_groups_of_layers():
    layers = [["stem", "norm"], "block_*"]
    found = factors(NAMES, decay=0.5, layers=layers)
    # The head is in none of them, and so at the top.
    np.testing.assert_allclose(found, [0.5] * 5 + [1.0] * 3)


def test_first_pattern_that_matches_counts():
    found = factors(NAMES, multipliers={"block_2": 3.0, "block*": 2.0})
    np.testing.assert_allclose(found, [1.0] * 5 + [2.0, 3.0, 1.0])
    found = factors(NAMES, multipliers={"*/bias": 0.0})
    np.testing.assert_allclose(found, [1, 0, 1, 1, 1, 1, 1, 1])


def test_decay_and_multipliers_are_multiplied():
    both = factors(NAMES, 0.5, {"block*": 0.1})
    expected = np.array(factors(NAMES, 0.5)) * factors(
        NAMES, multipliers={"block*": 0.1}
    )
    np.testing.assert_allclose(both, expected)


def test_a_first_layer_that_only_scales_is_a_layer():
    names = [Name(p, p) for p in ("norm/gamma", "a/kernel", "b/kernel")]
    np.testing.assert_allclose(factors(names, 0.5), [0.25, 0.5, 1.0])


def test_names_in_a_model_know_their_place():
    inner = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, name="dense")]
    )
    outer_input = keras.Input((2,))
    model = keras.Model(outer_input, inner(outer_input))
    names = layer_factors.names_in(model)
    assert [name.path for name in names] == [w.path for w in model.weights]
    assert names[0].place == f"{inner.name}/dense/kernel"
    assert layer_factors.names_of(model.weights)[0].path == names[0].path


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"multipliers": {"blok*": 1.0}}, "multipliers"),
        ({"decay": 0.5, "layers": ["stem", ["blok_1"]]}, "layers"),
    ],
    ids=["multipliers", "layers"],
)
def test_patterns_that_match_nothing_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        factors(NAMES, **arguments)
    assert len(factors(NAMES, **arguments, strict=False)) == len(NAMES)
