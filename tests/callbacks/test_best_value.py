import pytest

from keras_transfer.callbacks.best_value import BestValue


@pytest.mark.parametrize(
    ("mode", "values", "improved"),
    [
        ("min", [3.0, 1.0, 1.0, 2.0], [True, True, False, False]),
        ("max", [3.0, 1.0, 4.0], [True, False, True]),
        ("min", [float("nan"), 5.0, float("nan")], [False, True, False]),
    ],
)
def test_only_what_is_better_counts(mode, values, improved):
    best = BestValue("loss", mode)
    assert [best.update(value) for value in values] == improved


def test_the_value_to_beat():
    best = BestValue("loss", value=1.0)
    assert not best.update(1.0)
    assert best.update(0.5)
    assert best.value == 0.5


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [("val_loss", "min"), ("val_accuracy", "max"), ("auc", "max")],
)
def test_auto_follows_the_name(monitor, mode):
    assert BestValue(monitor).mode == mode


def test_an_unknown_mode():
    with pytest.raises(ValueError, match="`mode`.*'min' or 'max'"):
        BestValue("loss", "best")
