import math

import numpy as np
import pytest

from keras_transfer.subspace.arguments import positive_number


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2)])
def test_positive_numbers_pass(value):
    positive_number("regularization", value)


@pytest.mark.parametrize("value", [0, -0.5, math.inf, math.nan, "1", True])
def test_other_numbers_are_refused(value):
    with pytest.raises(ValueError, match="`regularization`.*positive number"):
        positive_number("regularization", value)
