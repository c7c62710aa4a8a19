"""Variables are known by their paths, also after loading."""

import keras
import pytest

from keras_transfer.training.variable_paths import aligned
from keras_transfer.training.variable_paths import path_of

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(
    ("paths", "stored", "expected"),
    [
        (["a/k", "b/k"], ["b/k", "a/k"], [1, 0]),
        (["conv/k"], ["net/conv/k"], [0]),
        (["net/conv/k"], ["conv/k"], [0]),
        (["conv/k"], ["other_conv/k"], [None]),
        (["k"], ["conv/k"], [None]),
        (["conv/k", "conv/k"], ["a/conv/k", "b/conv/k"], [0, 1]),
        (["conv/k", "a/conv/k"], ["a/conv/k", "b/conv/k"], [1, 0]),
        (["conv/k"] * 3, ["conv/k"] * 2, [0, 1, None]),
        (["conv/k"], [], [None]),
    ],
    ids=[
        "equal",
        "shorter",
        "longer",
        "other_name",
        "too_short",
        "in_order",
        "equal_first",
        "too_many",
        "none",
    ],
)
def test_paths_find_their_own(paths, stored, expected):
    assert aligned(paths, stored) == expected


def test_a_model_from_a_file_has_other_paths(tmp_path):
    """Or this module is not needed any more."""
    inner = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, name="dense")], name="inner"
    )
    model = keras.Sequential([keras.Input((2,)), inner])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    before, after = ([path_of(w) for w in m.weights] for m in (model, loaded))
    assert before != after
    assert aligned(after, before) == [0, 1]
