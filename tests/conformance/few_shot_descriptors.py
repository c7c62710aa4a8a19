"""The few-shot trainers and their parts, for the table of public objects."""

import functools

import keras
import numpy as np

import keras_transfer as kt
from tests.conformance.descriptor import Descriptor
from tests.conformance.descriptor import rows

LABELS = np.array([0, 0, 1, 2, 2, -1])


def _encoder():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5),
            keras.layers.BatchNormalization(),
        ]
    )


def _map_encoder():
    return keras.Sequential(
        [keras.Input((5, 5, 2)), keras.layers.Conv2D(3, 2, name="maps")]
    )


def _classifier():
    model = _encoder()
    model.add(keras.layers.Dense(3))
    return model


def _maps(number, width=3, side=4):
    values = rows(number, side * side * width)
    return values.reshape(number, side, side, width)


def _episodes(shape):
    """Two tasks of six support rows, one padding, and three queries."""
    values = rows(18, int(np.prod(shape))).reshape(2, 9, *shape)
    return {
        "support": values[:, :6],
        "support_labels": np.stack([LABELS, LABELS[::-1]]).astype("int32"),
        "query": values[:, 6:],
    }


def _matching_head():
    head = kt.meta.MatchingHead(
        6, 4, 3, 0.3, kt.meta.QueryContext(processing_steps=2)
    )
    head.adapt(rows(), np.array([0, 0, 1, 2, 2, 1]))
    return head


def _relation_head():
    head = kt.meta.RelationHead(3, (4, 4, 3), kt.meta.RelationModule(4, 5))
    head.adapt(_maps(6), np.array([0, 0, 1, 2, 2, 1]))
    return head


def _memory_cell():
    return kt.layers.LeastRecentlyUsedMemoryCell(5, 6, 3, 2, sharpness=4.0)


_layer = functools.partial(
    Descriptor, kind="layer", needs_tensorflow=True, tolerance=1e-5
)
_trainer = functools.partial(
    Descriptor,
    kind="trainer",
    inputs=(_episodes((4,)),),
    plain_inputs=(rows(),),
    needs_tensorflow=True,
)

FEW_SHOT = [
    _trainer(
        "meta.PrototypicalNetwork",
        create=lambda: kt.meta.PrototypicalNetwork(
            _encoder(), "cosine", 0.2, learn_temperature=True
        ),
    ),
    _trainer(
        "meta.MatchingNetwork",
        create=lambda: kt.meta.MatchingNetwork(
            _encoder(), True, 2, 0.2, learn_temperature=True, seed=3
        ),
    ),
    _trainer(
        "meta.RelationNetwork",
        create=lambda: kt.meta.RelationNetwork(
            _map_encoder(), kt.meta.RelationModule(4, 5)
        ),
        inputs=(_episodes((5, 5, 2)),),
        plain_inputs=(_maps(3, 2, 5),),
    ),
    _trainer(
        "meta.RidgeHead", create=lambda: kt.meta.RidgeHead(_encoder(), 0.5)
    ),
    _trainer(
        "meta.LinearHead", create=lambda: kt.meta.LinearHead(_encoder(), 7)
    ),
    _trainer(
        "meta.MAML",
        create=lambda: kt.meta.MAML(
            _classifier(), 0.3, 2, learn_inner_rates="layer_and_step"
        ),
        inputs=(rows(),),
    ),
    _trainer(
        "meta.Reptile",
        create=lambda: kt.meta.Reptile(_classifier(), inner_steps=3),
        inputs=(rows(),),
    ),
    _trainer(
        "meta.MemoryAugmentedNetwork",
        create=lambda: kt.meta.MemoryAugmentedNetwork(
            _encoder(), ways=3, cell=_memory_cell()
        ),
        inputs=(
            {
                "examples": _episodes((4,))["support"],
                "labels": np.stack([LABELS] * 2).astype("int32"),
            },
        ),
    ),
    _layer(
        "meta.SupportContext",
        create=lambda: kt.meta.SupportContext(seed=3),
        inputs=(_episodes((4,))["support"],),
    ),
    _layer(
        "meta.QueryContext",
        create=lambda: kt.meta.QueryContext(processing_steps=2),
        inputs=(_episodes((4,))["query"],),
        arguments={"support": _episodes((4,))["support"]},
    ),
    _layer(
        "meta.MatchingHead",
        create=_matching_head,
        inputs=(rows(5),),
        changes_precision=True,
    ),
    _layer(
        "meta.RelationModule",
        create=lambda: kt.meta.RelationModule(4, 5),
        inputs=(_maps(6, 6),),
        changes_precision=True,
    ),
    _layer(
        "meta.RelationHead",
        create=_relation_head,
        inputs=(_maps(6),),
        changes_precision=True,
    ),
]
