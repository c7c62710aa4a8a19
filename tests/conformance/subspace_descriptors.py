"""Layers of linear maps and of kernels, for the table."""

import functools

import numpy as np

import keras_transfer as kt
from tests.conformance.descriptor import Descriptor
from tests.conformance.descriptor import rows

LABELS = np.array([0, 1, 2] * 3)


def _adapted(layer):
    layer.adapt(rows(9), rows(8, shift=0.5, scale=1.5), LABELS)
    return layer


_layer = functools.partial(
    Descriptor, kind="layer", inputs=(rows(5),), tolerance=1e-5
)
_source = {"domain": "source"}

SUBSPACE = [
    _layer("subspace.Coral", create=lambda: _adapted(kt.subspace.Coral())),
    _layer(
        "subspace.Coral[source]",
        create=lambda: _adapted(kt.subspace.Coral(0.5, match_means=True)),
        arguments=_source,
    ),
    _layer(
        "subspace.GeodesicFlowKernel",
        create=lambda: _adapted(kt.subspace.GeodesicFlowKernel(2)),
    ),
    _layer(
        "subspace.GeodesicFlowKernel[source]",
        create=lambda: _adapted(kt.subspace.GeodesicFlowKernel(2)),
        arguments=_source,
    ),
    _layer(
        "subspace.JointDistributionAdaptation",
        create=lambda: _adapted(kt.subspace.JointDistributionAdaptation(2, 3)),
    ),
    _layer(
        "subspace.JointDistributionAdaptation[gaussian]",
        create=lambda: _adapted(
            kt.subspace.JointDistributionAdaptation(
                2, 3, kernel="gaussian", bandwidth=2.0, whiten=True
            )
        ),
    ),
    _layer("subspace.PCA", create=lambda: _adapted(kt.subspace.PCA(2))),
    _layer(
        "subspace.SubspaceAlignment",
        create=lambda: _adapted(kt.subspace.SubspaceAlignment(2)),
    ),
    _layer(
        "subspace.SubspaceAlignment[source]",
        create=lambda: _adapted(kt.subspace.SubspaceAlignment(2)),
        arguments=_source,
    ),
    _layer(
        "subspace.TransferComponentAnalysis",
        create=lambda: _adapted(kt.subspace.TransferComponentAnalysis(2)),
    ),
    _layer(
        "subspace.TransferComponentAnalysis[gaussian]",
        create=lambda: _adapted(
            kt.subspace.TransferComponentAnalysis(3, "gaussian")
        ),
    ),
]
