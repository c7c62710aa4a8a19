"""Layers of optimal transport and denoising, for the table."""

import functools

import keras_transfer as kt
from tests.conformance.descriptor import Descriptor
from tests.conformance.descriptor import rows


def _adapted(make):
    layer = make()
    layer.adapt(rows(9), rows(8, shift=0.5, scale=1.5))
    return layer


_layer = functools.partial(Descriptor, kind="layer", inputs=(rows(5),))

TRANSPORT = [
    _layer(
        "subspace.LinearMonge",
        create=lambda: _adapted(kt.subspace.LinearMonge),
    ),
    _layer(
        "subspace.LinearMonge[source]",
        create=lambda: _adapted(kt.subspace.LinearMonge),
        arguments={"domain": "source"},
    ),
    _layer(
        "subspace.MarginalizedDenoisingAutoencoder",
        create=lambda: _adapted(
            lambda: kt.subspace.MarginalizedDenoisingAutoencoder(2)
        ),
    ),
    _layer(
        "subspace.MarginalizedDenoisingAutoencoder[last]",
        create=lambda: _adapted(
            lambda: kt.subspace.MarginalizedDenoisingAutoencoder(
                2, outputs="last"
            )
        ),
    ),
    _layer(
        "subspace.OptimalTransport",
        create=lambda: _adapted(kt.subspace.OptimalTransport),
    ),
    _layer(
        "subspace.OptimalTransport[source]",
        create=lambda: _adapted(
            lambda: kt.subspace.OptimalTransport("sinkhorn")
        ),
        arguments={"domain": "source"},
    ),
]
