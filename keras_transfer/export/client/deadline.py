"""How long a call may take, and when it is tried again."""

import random
import time
from collections.abc import Callable
from typing import Any

from keras_transfer.export.client.serving_error import ServingError

#: What is over soon: a server that starts or stops, or a full queue.
PASSING = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
#: Seconds before the second try; each further wait is twice as long.
FIRST_WAIT = 0.05
LONGEST_WAIT = 2.0


class Deadline:
    """The time that one call of the user's has, tries and waits included."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; raises `ServingError` if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise ServingError(
                "DEADLINE_EXCEEDED",
                f"The call was not done within {self.seconds:g} s; a larger "
                "`timeout` gives it more time.",
            )
        return left

    def pause(self, seconds: float) -> bool:
        """Waits, for a random time about `seconds`, if there is time for it.

        Clients that failed together must not come back together.

        Returns:
            Whether it waited.
        """
        seconds *= random.uniform(0.5, 1.5)
        if time.monotonic() + seconds >= self._end:
            return False
        time.sleep(seconds)
        return True

    def retry(self, call: Callable[[float], Any]) -> Any:
        """Calls until it is answered, refused for good, or too late.

        Args:
            call: Takes the seconds left; raises `ServingError`.

        Returns:
            What `call` returned.
        """
        wait, tries = FIRST_WAIT, 1
        while True:
            try:
                return call(self.left())
            except ServingError as error:
                if error.code not in PASSING:
                    raise
                if not self.pause(wait):
                    raise ServingError(
                        error.code,
                        f"{str(error).rstrip('.')}; given up at try {tries}, "
                        f"as the timeout is {self.seconds:g} s.",
                    ) from error
            wait, tries = min(2 * wait, LONGEST_WAIT), tries + 1
