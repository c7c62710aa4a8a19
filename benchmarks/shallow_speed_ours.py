"""Our side of `shallow_speed.py`; not run by itself."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import shallow_sides

from keras_transfer import subspace
from keras_transfer import weighting


def kernel_mean_matching(arrays):
    return weighting.kernel_mean_matching(
        arrays["source"], arrays["target"], width=float(arrays["width"])
    )


def kernel_mean_matching_in_blocks(arrays):
    return weighting.kernel_mean_matching(
        arrays["source"],
        arrays["target"],
        width=float(arrays["width"]),
        block_size=1000,
    )


def kernel_mean_matching_of_many(arrays):
    return weighting.kernel_mean_matching(
        arrays["source"],
        arrays["target"],
        width=float(arrays["width"]),
        num_features=500,
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
    "kernel_mean_matching_in_blocks": kernel_mean_matching_in_blocks,
    "kernel_mean_matching_of_many": kernel_mean_matching_of_many,
    "coral": coral,
    "subspace_alignment": subspace_alignment,
    "transfer_component_analysis": transfer_component_analysis,
}


if __name__ == "__main__":
    shallow_sides.serve(METHODS)
