"""What both sides of `shallow_speed` do with their methods.

Imports neither this package nor a peer.
"""

import alternation
import numpy as np


def serve(methods, versions=None):
    """Answers the driver until it closes the pipe.

    Args:
        methods: Dict from a name to a function of the arrays, a dict.
        versions: Dict of what the record names, or `None`.
    """
    state = {}

    def prepare(method, arrays):
        with np.load(arrays) as file:
            state.update(method=methods[method], arrays=dict(file))
        return versions or {}

    def fit(steps):
        for _ in range(steps):
            state["result"] = state["method"](state["arrays"])

    def run(steps):
        return alternation.timed(fit, steps)

    def save(path):
        np.save(path, state["result"])

    alternation.serve({"prepare": prepare, "run": run, "save": save})
