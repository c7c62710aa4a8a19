"""Which epoch is the best."""

from keras_transfer._public import invalid_argument

MODES = ("auto", "min", "max")


class BestValue:
    """The best value of a logged metric so far.

    Args:
        monitor: Name of the logged value.
        mode: `"min"`, `"max"`, or `"auto"`: the larger the better for names
            that end in "accuracy" or "auc", the smaller for all others.
        value: Value to beat, or `None`.
    """

    def __init__(self, monitor, mode="auto", value=None):
        if mode not in MODES:
            raise invalid_argument("mode", mode, "'auto', 'min' or 'max'")
        if mode == "auto":
            is_gain = monitor.lower().endswith(("accuracy", "auc"))
            mode = "max" if is_gain else "min"
        self.monitor = monitor
        self.mode = mode
        self.value = value

    def update(self, value):
        """Takes a value; returns whether it is the best. NaN never is."""
        if not self._improves(value):
            return False
        self.value = value
        return True

    def _improves(self, value):
        if value != value:
            return False
        if self.value is None:
            return True
        return value < self.value if self.mode == "min" else value > self.value
