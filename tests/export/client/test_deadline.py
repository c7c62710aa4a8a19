"""Tries and waits, on a clock of the test's own."""

import pytest

from keras_transfer.export.client import deadline as deadline_module
from keras_transfer.export.client.deadline import Deadline
from keras_transfer.export.client.serving_error import ServingError


class Clock:
    """Stands still unless something sleeps; notes how long."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(deadline_module, "time", clock)
    return clock


def _failing(code, times):
    """A call that fails so often and notes the seconds it was given."""
    given = []

    def call(left):
        given.append(left)
        if len(given) <= times:
            raise ServingError(code, "busy.")
        return "answer"

    return call, given


def test_left_runs_out(clock):
    deadline = Deadline(2)
    assert deadline.left() == 2
    clock.now += 1.5
    assert deadline.left() == 0.5
    clock.now += 0.5
    with pytest.raises(ServingError, match="within 2 s") as caught:
        deadline.left()
    assert caught.value.code == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("code", deadline_module.PASSING)
def test_waits_grow_and_are_random(clock, code):
    call, given = _failing(code, times=12)
    assert Deadline(100).retry(call) == "answer"
    assert len(given) == 13 and given[0] == 100
    expected = [min(0.05 * 2**n, 2.0) for n in range(12)]
    shares = [s / e for s, e in zip(clock.slept, expected, strict=True)]
    assert all(0.5 <= share <= 1.5 for share in shares)
    assert max(shares) - min(shares) > 0.2
    assert given[-1] == pytest.approx(100 - sum(clock.slept))


def test_it_gives_up_before_it_is_too_late(clock):
    call, given = _failing("UNAVAILABLE", times=1000)
    with pytest.raises(ServingError) as caught:
        Deadline(3).retry(call)
    assert 1 < clock.now - 100 < 3
    assert caught.value.code == "UNAVAILABLE"
    assert str(caught.value) == (
        f"busy; given up at try {len(given)}, as the timeout is 3 s."
    )


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "DEADLINE_EXCEEDED"])
def test_what_does_not_pass_is_not_tried_again(clock, code):
    call, given = _failing(code, times=1)
    with pytest.raises(ServingError, match="^busy.$"):
        Deadline(100).retry(call)
    assert len(given) == 1 and not clock.slept


def test_a_pause_needs_time(clock):
    deadline = Deadline(1)
    assert deadline.pause(0.4) and 0.2 <= clock.slept[0] <= 0.6
    assert not deadline.pause(3)
    assert len(clock.slept) == 1
