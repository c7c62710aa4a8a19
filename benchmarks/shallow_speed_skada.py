"""skada's side of `shallow_speed.py`; not run by itself.

Its interpreter needs numpy and skada 0.6.0, and not this package.
"""

import importlib.metadata

import numpy as np
import shallow_sides
from skada import CORALAdapter
from skada import KMMReweightAdapter
from skada import SubspaceAlignmentAdapter
from skada import TransferComponentAnalysisAdapter
from skada.utils import source_target_merge


def kernel_mean_matching(arrays):
    gamma = 1.0 / (2.0 * float(arrays["width"]) ** 2)
    model = KMMReweightAdapter(kernel="rbf", gamma=gamma)
    rows, domains = _merged(arrays)
    model.fit(rows, sample_domain=domains)
    return model.compute_weights(rows, sample_domain=domains)[domains > 0]


def coral(arrays):
    return _aligned(CORALAdapter(reg=0.0), arrays)


def subspace_alignment(arrays):
    return _aligned(SubspaceAlignmentAdapter(n_components=80), arrays)


def transfer_component_analysis(arrays):
    model = TransferComponentAnalysisAdapter(
        kernel="linear", n_components=80, mu=1.0
    )
    return _aligned(model, arrays)


def _aligned(model, arrays):
    rows, domains = _merged(arrays)
    aligned = model.fit_transform(rows, sample_domain=domains)
    return np.asarray(aligned)[domains > 0]


def _merged(arrays):
    return source_target_merge(arrays["source"], arrays["target"])


METHODS = {
    "kernel_mean_matching": kernel_mean_matching,
    "coral": coral,
    "subspace_alignment": subspace_alignment,
    "transfer_component_analysis": transfer_component_analysis,
}


if __name__ == "__main__":
    names = ("skada", "scikit-learn")
    shallow_sides.serve(
        METHODS, {name: importlib.metadata.version(name) for name in names}
    )
