import pathlib

import numpy as np
import pytest

from keras_transfer import _storable


def test_numbers_arrays_and_paths_become_plain():
    value = {
        "a": np.float32(0.5),
        "b": np.arange(2),
        "c": pathlib.Path("x") / "y",
        "d": (1, None),
    }
    found = _storable.storable("card", value)
    assert found == {"a": 0.5, "b": [0, 1], "c": "x/y", "d": [1, None]}


@pytest.mark.parametrize(
    "value", [{"a": object()}, {"a": float("nan")}, {"a": {1, 2}}]
)
def test_what_json_cannot_hold_is_one_sentence_with_the_argument(value):
    with pytest.raises(ValueError, match="`facts`.*what JSON can hold"):
        _storable.storable("facts", value)
