import pytest

from keras_transfer.explain.reporting import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (12345, "12,345"),
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (-1.5, "−1.500"),
        (12.345, "12.3"),
        (1e-7, "1e−07"),
        (123456.0, "1.23e+05"),
        (float("nan"), "nan"),
        ("text", "text"),
    ],
)
def test_numbers(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (3.14, "3.1 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (65.2, "1 min 05 s"),
        (3599.9, "1 h 00 min"),
        (3720, "1 h 02 min"),
    ],
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


def test_shares_moments_and_keys():
    assert words.percent(0.7404) == "74.0 %"
    assert words.percent(None) == "–"
    moment = words.moment("2026-11-30T02:51:39.468736+00:00")
    assert moment == "2026-11-30 02:51 UTC"
    assert words.moment(None) == "–"
    assert words.said("val_loss") == "val loss"


def test_lists_and_counts():
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.counted(1, "run") == "1 run"
    assert words.counted(1588, "row") == "1,588 rows"
