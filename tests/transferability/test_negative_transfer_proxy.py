import json

import keras
import numpy as np
import pytest

from keras_transfer.transferability.negative_transfer_proxy import (
    negative_transfer_proxy,
)


def _problem(seed=0, rows=2000):
    """A source around 0, a target around (2, 0), and the true classes.

    The adapted model is wrong where x is above 1, that is, in most of the
    target; the reference where x is below -1, in none of it.
    """
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 2)).astype("float32")
    target = (generator.normal(size=(rows, 2)) + [2.0, 0.0]).astype("float32")

    def truth(x):
        return (np.asarray(x)[:, 1] > 0).astype(int)

    def adapted(x):
        return np.eye(2)[
            np.where(np.asarray(x)[:, 0] > 1, 1 - truth(x), truth(x))
        ]

    def reference(x):
        return np.eye(2)[
            np.where(np.asarray(x)[:, 0] < -1, 1 - truth(x), truth(x))
        ]

    return x, truth(x), target, adapted, reference


def test_it_is_the_gap_on_the_target():
    x, y, target, adapted, reference = _problem()
    labels = (target[:, 1] > 0).astype(int)
    found = negative_transfer_proxy(
        adapted, reference, (x, y), target, features=lambda x: x
    )
    wrong = [
        (m(target).argmax(1) != labels).mean() for m in (adapted, reference)
    ]
    assert found.gap == pytest.approx(wrong[0] - wrong[1], abs=0.1)
    assert found.adapted_error == pytest.approx(wrong[0], abs=0.1)
    assert found.gap == pytest.approx(
        found.adapted_error - found.reference_error
    )
    assert found.is_suspected
    # Without weights the source sees no difference: both err on its tails.
    assert abs(found.source_gap) < 0.05
    share = (adapted(target) == reference(target)).all(axis=1).mean()
    assert found.agreement == pytest.approx(share)
    assert found.effective_rows < found.rows / 4


def test_swapped_models_have_the_opposite_gap():
    x, y, target, adapted, reference = _problem()
    options = {"features": (x, target)}
    one = negative_transfer_proxy(adapted, reference, (x, y), target, **options)
    two = negative_transfer_proxy(reference, adapted, (x, y), target, **options)
    assert one.gap == pytest.approx(-two.gap)
    assert one.interval == pytest.approx((-two.interval[1], -two.interval[0]))
    assert not two.is_suspected


def test_without_a_shift_it_is_the_plain_gap():
    x, y, _, adapted, reference = _problem()
    again = np.random.default_rng(7).normal(size=(2000, 2))
    found = negative_transfer_proxy(
        adapted, reference, (x, y), again, features=(x, again)
    )
    assert found.gap == pytest.approx(found.source_gap, abs=0.05)
    assert found.effective_rows > 0.95 * found.rows


def test_features_are_the_scores_of_the_reference_by_default(generator):
    x = generator.normal(size=(80, 3)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    reference = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    adapted = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    target = x + 0.5
    first = negative_transfer_proxy(adapted, reference, (x, y), target)
    other = negative_transfer_proxy(
        adapted, reference, (x, y), target, features=reference
    )
    assert first == other


def test_outputs_may_be_given():
    x, y, target, adapted, reference = _problem(rows=200)
    options = {"features": (x, target)}
    expected = negative_transfer_proxy(
        adapted, reference, (x, y), target, **options
    )
    found = negative_transfer_proxy(
        (adapted(x), adapted(target)),
        (reference(x).argmax(1), reference(target).argmax(1)),
        (x, y),
        target,
        **options,
    )
    assert found == expected


def test_the_result_is_readable_and_json():
    x, y, target, adapted, reference = _problem(rows=300)
    found = negative_transfer_proxy(
        adapted, reference, (x, y), target, features=(x, target)
    )
    assert str(found).startswith("negative transfer suspected: weighted source")
    assert json.loads(json.dumps(found.to_dict()))["rows"] == 300
    equal = negative_transfer_proxy(
        adapted, adapted, (x, y), target, features=(x, target)
    )
    assert str(equal).startswith("negative transfer not suspected")


def test_wrong_arguments_are_refused():
    x, y, target, adapted, reference = _problem(rows=50)
    with pytest.raises(ValueError, match="`source_validation`.*a pair .x, y."):
        negative_transfer_proxy(adapted, reference, x, target)
    with pytest.raises(ValueError, match="`adapted` has 49 rows for 50"):
        negative_transfer_proxy(
            (adapted(x)[1:], adapted(target)), reference, (x, y), target
        )
    with pytest.raises(ValueError, match="`reference`.*a pair"):
        negative_transfer_proxy(adapted, reference(x), (x, y), target)
