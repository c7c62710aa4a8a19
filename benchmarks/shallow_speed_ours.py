"""Our side of `shallow_speed.py`; not run by itself."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import alternation
import numpy as np

from keras_transfer import subspace
from keras_transfer import weighting


def kernel_mean_matching(arrays):
    return weighting.kernel_mean_matching(
        arrays["source"], arrays["target"], width=float(arrays["width"])
    )


def coral(arrays):
    return _aligned(subspace.Coral(), arrays)


def subspace_alignment(arrays):
    return _aligned(subspace.SubspaceAlignment(80), arrays)


def transfer_component_analysis(arrays):
    return _aligned(subspace.TransferComponentAnalysis(80), arrays)


def _aligned(layer, arrays):
    layer.adapt(arrays["source"], arrays["target"])
    return np.asarray(layer(arrays["source"], domain="source"))


METHODS = {
    "kernel_mean_matching": kernel_mean_matching,
    "coral": coral,
    "subspace_alignment": subspace_alignment,
    "transfer_component_analysis": transfer_component_analysis,
}
STATE = {}


def prepare(method, arrays):
    with np.load(arrays) as file:
        STATE.update(method=METHODS[method], arrays=dict(file))
    return {}


def run(steps):
    def fit(steps):
        for _ in range(steps):
            STATE["result"] = STATE["method"](STATE["arrays"])

    return alternation.timed(fit, steps)


def save(path):
    np.save(path, STATE["result"])


if __name__ == "__main__":
    alternation.serve({"prepare": prepare, "run": run, "save": save})
