"""adapt's side of `shallow_speed.py`; not run by itself.

Its interpreter needs numpy and adapt 0.4.5, and not this package.
"""

import importlib.metadata
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import shallow_sides
from adapt.feature_based import CORAL
from adapt.feature_based import SA
from adapt.feature_based import TCA
from adapt.instance_based import KMM


def kernel_mean_matching(arrays, block_size=np.inf):
    gamma = 1.0 / (2.0 * float(arrays["width"]) ** 2)
    model = KMM(kernel="rbf", gamma=gamma, max_size=block_size, verbose=0)
    return model.fit_weights(arrays["source"], arrays["target"])


def kernel_mean_matching_in_blocks(arrays):
    return kernel_mean_matching(arrays, block_size=1000)


def coral(arrays):
    return _aligned(CORAL(lambda_=1.0, verbose=0), arrays)


def subspace_alignment(arrays):
    return _aligned(SA(n_components=80, verbose=0), arrays)


def transfer_component_analysis(arrays):
    model = TCA(n_components=80, kernel="linear", mu=1.0, verbose=0)
    return _aligned(model, arrays)


def _aligned(model, arrays):
    return model.fit_transform(arrays["source"], arrays["target"])


METHODS = {
    "kernel_mean_matching": kernel_mean_matching,
    "kernel_mean_matching_in_blocks": kernel_mean_matching_in_blocks,
    "kernel_mean_matching_of_many": kernel_mean_matching_in_blocks,
    "coral": coral,
    "subspace_alignment": subspace_alignment,
    "transfer_component_analysis": transfer_component_analysis,
}


if __name__ == "__main__":
    names = ("adapt", "cvxopt")
    shallow_sides.serve(
        METHODS, {name: importlib.metadata.version(name) for name in names}
    )
