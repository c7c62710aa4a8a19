"""One table of every public class and function of the package.

To make a new public object pass the table-wide checks, add one line here (or
to `ignored.py`, with the reason) and its name to `public_names.txt`. The kind
says which checks apply:

    layer      config, copies, .keras, SavedModel, half precision, XLA
    term       the same; called on two `Representation`s
    loss       config, copies, .keras of a compiled model, half precision, XLA
    schedule   config, copies, .keras inside a layer, XLA
    learning_rate  config, copies, .keras inside an optimizer, XLA
    function   half precision and XLA
    trainer    config, copies, .keras, SavedModel

Docstrings are checked for every public name, whether it is listed or not.
"""

import functools

import keras
import numpy as np

import keras_transfer as kt
from tests.conformance.descriptor import Descriptor
from tests.conformance.descriptor import rows
from tests.conformance.few_shot_descriptors import FEW_SHOT
from tests.conformance.subspace_descriptors import SUBSPACE
from tests.conformance.transport_descriptors import TRANSPORT


def _images():
    return rows(3, 5 * 5 * 2).reshape(3, 5, 5, 2)


def _pixels():
    values = np.random.default_rng(3).uniform(0, 255, (3, 6, 6, 3))
    return values.astype("float32")


def _rows_with_gaps():
    table = rows()
    table[1, 2] = table[3, 0] = np.nan
    return table


def _table_preparation():
    preparation = kt.data.TablePreparation(max_categories=9)
    preparation.adapt(_rows_with_gaps())
    return preparation


def _plain_model():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3),
        ]
    )


def _square():
    points = rows()
    return ((points[:, None] - points[None]) ** 2).sum(-1)


def _class_means(features, **arguments):
    """The means alone: the counts are integers."""
    return kt.ops.class_means(features, **arguments)[0]


def _prototypical(support, query):
    """With labels: two rows of padding, and a class without queries."""
    return kt.losses.prototypical(
        support, [0, 0, 2, 2, 1, -1], query, [2, 0, -1, 2, 0], num_classes=4
    )


def _prototype_head(**arguments):
    """With fixed prototypes of three classes, one of them without rows."""
    head = kt.layers.PrototypeHead(**arguments)
    head.adapt(rows(), np.array([0, 0, 2, 2, 2, -1]), num_classes=3)
    return head


PAIR = (rows(6), rows(5, shift=0.5, scale=1.5))

_layer = functools.partial(Descriptor, kind="layer")
_term = functools.partial(
    Descriptor, kind="term", inputs=PAIR, changes_precision=True
)
_loss = functools.partial(
    Descriptor, kind="loss", inputs=PAIR, changes_precision=True
)
_schedule = functools.partial(
    Descriptor, kind="schedule", inputs=(np.float32(0.3),)
)
_function = functools.partial(Descriptor, kind="function")

DESCRIPTORS = [
    # === ops ===
    _function(
        "ops.class_means",
        create=lambda: _class_means,
        inputs=(rows(),),
        arguments={
            "labels": np.array([0, 0, 2, 2, 2, -1]),
            "num_classes": 3,
        },
        changes_precision=True,
    ),
    _function(
        "ops.covariance",
        create=lambda: kt.ops.covariance,
        inputs=(rows(),),
        changes_precision=True,
    ),
    _function(
        "ops.gaussian_mixture",
        create=lambda: kt.ops.gaussian_mixture,
        inputs=(_square(),),
        arguments={"bandwidths": [0.5, 1.0]},
    ),
    _function(
        "ops.median_pairwise_distance",
        create=lambda: kt.ops.median_pairwise_distance,
        inputs=(_square(),),
    ),
    _function(
        "ops.pairwise_squared_distances",
        create=lambda: kt.ops.pairwise_squared_distances,
        inputs=PAIR,
        changes_precision=True,
    ),
    _function(
        "ops.reverse_gradient",
        create=lambda: kt.ops.reverse_gradient,
        inputs=(rows(),),
        arguments={"strength": 0.3},
    ),
    _function(
        "ops.scale_gradient",
        create=lambda: kt.ops.scale_gradient,
        inputs=(rows(),),
        arguments={"scale": 0.3},
    ),
    # === data ===
    _layer(
        "data.TablePreparation",
        create=_table_preparation,
        inputs=(_rows_with_gaps(),),
    ),
    # === schedules ===
    _schedule(
        "schedules.SigmoidRamp",
        create=lambda: kt.schedules.SigmoidRamp(0.5, sharpness=7.0),
    ),
    _schedule(
        "schedules.LinearRamp",
        create=lambda: kt.schedules.LinearRamp(0.1, 0.9, until=0.8),
    ),
    Descriptor(
        "schedules.AnnealedLearningRate",
        kind="learning_rate",
        create=lambda: kt.schedules.AnnealedLearningRate(
            0.02, total_steps=50, decay=9.0, power=0.7, name="rate"
        ),
        inputs=(np.float32(20),),
    ),
    _layer(
        "schedules.TrainingProgress",
        create=lambda: kt.schedules.TrainingProgress(total_steps=7),
        inputs=(rows(),),
    ),
    Descriptor(
        "schedules.SlantedTriangular",
        kind="learning_rate",
        create=lambda: kt.schedules.SlantedTriangular(
            0.02, total_steps=50, cut_fraction=0.2, ratio=8, name="rate"
        ),
        inputs=(np.float32(20),),
    ),
    # === losses ===
    _function(
        "losses.batch_spectral_shrinkage",
        create=lambda: kt.losses.batch_spectral_shrinkage,
        inputs=(rows(),),
        changes_precision=True,
    ),
    _function(
        "losses.coral",
        create=lambda: kt.losses.coral,
        inputs=PAIR,
        changes_precision=True,
    ),
    _function(
        "losses.maximum_mean_discrepancy",
        create=lambda: kt.losses.maximum_mean_discrepancy,
        inputs=PAIR,
        changes_precision=True,
    ),
    _function(
        "losses.prototypical",
        create=lambda: _prototypical,
        inputs=PAIR,
        changes_precision=True,
    ),
    _loss("losses.Coral", create=lambda: kt.losses.Coral(name="other")),
    _loss(
        "losses.MaximumMeanDiscrepancy",
        create=lambda: kt.losses.MaximumMeanDiscrepancy(
            multipliers=(0.5, 1.0), estimator="unbiased", name="other"
        ),
    ),
    _loss(
        "losses.MaximumMeanDiscrepancy[bandwidths]",
        create=lambda: kt.losses.MaximumMeanDiscrepancy(bandwidths=[0.5, 2.0]),
    ),
    _loss(
        "losses.Prototypical",
        create=lambda: kt.losses.Prototypical(
            2, "cosine", temperature=0.5, name="other"
        ),
        inputs=(np.array([3, 3, 7, 7, 3, 7], "float32"), rows()),
    ),
    # === layers ===
    _layer(
        "layers.CosineHead",
        create=lambda: kt.layers.CosineHead(
            3, scale=5.0, kernel_initializer="he_normal"
        ),
        inputs=(rows(),),
        changes_precision=True,
    ),
    _layer(
        "layers.StochasticNormalization",
        create=lambda: kt.layers.StochasticNormalization(
            0.3, seed=1, momentum=0.9
        ),
        inputs=(rows(),),
    ),
    _layer(
        "layers.GradientReversal",
        create=lambda: kt.layers.GradientReversal(strength=0.3),
        inputs=(rows(),),
    ),
    _layer(
        "layers.GradientReversal[schedule]",
        create=lambda: kt.layers.GradientReversal(kt.schedules.SigmoidRamp()),
        inputs=(rows(),),
        arguments={"progress": 0.5},
    ),
    _layer(
        "layers.DomainDiscriminator",
        create=lambda: kt.layers.DomainDiscriminator(
            (7, 5), activation="tanh", dropout=0.5
        ),
        inputs=(rows(),),
    ),
    _layer(
        "layers.DomainBatchNormalization",
        create=lambda: kt.layers.DomainBatchNormalization(3, momentum=0.9),
        inputs=(rows(),),
        arguments={"domain": 2},
    ),
    _layer(
        "layers.DomainBatchNormalization[share_affine]",
        create=lambda: kt.layers.DomainBatchNormalization(
            2, share_affine=True, axis=1, epsilon=1e-2
        ),
        inputs=(_images(),),
        arguments={"domain": 1},
    ),
    _layer(
        "layers.ImagePreprocessing",
        create=lambda: kt.layers.ImagePreprocessing(
            (4, 3), (-1, 1), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), "BGR"
        ),
        inputs=(_pixels(),),
    ),
    _layer(
        "layers.PrototypeHead",
        create=lambda: _prototype_head(temperature=0.5),
        inputs=(rows(5, shift=0.5),),
        changes_precision=True,
    ),
    _layer(
        "layers.PrototypeHead[cosine]",
        create=lambda: _prototype_head(
            distance="cosine", temperature=0.1, learn_temperature=True
        ),
        inputs=(rows(5, shift=0.5),),
        changes_precision=True,
    ),
    _layer(
        "layers.PrototypeHead[episode]",
        create=lambda: kt.layers.PrototypeHead(learn_temperature=True, ways=4),
        inputs=(_images()[:, 0],),
        arguments={
            "support": _images()[:, 1],
            "support_labels": np.array([[0, 1, 1, 2, -1]] * 3, "int32"),
        },
        changes_precision=True,
    ),
    _layer(
        "alignment.AlignmentLoss",
        create=lambda: kt.layers.AlignmentLoss("dann", total_steps=9),
        inputs=PAIR,
    ),
    # === alignment ===
    _term(
        "alignment.CorrelationAlignment",
        create=lambda: kt.alignment.CorrelationAlignment(weight=0.7),
    ),
    _term(
        "alignment.MeanDiscrepancy",
        create=lambda: kt.alignment.MeanDiscrepancy(
            loss=kt.losses.MaximumMeanDiscrepancy(bandwidths=[1.5]),
            weight=kt.schedules.LinearRamp(0.2, 0.4),
            name="other",
        ),
    ),
    _term(
        "alignment.DomainAdversarial",
        create=lambda: kt.alignment.DomainAdversarial(
            strength=0.4,
            discriminator=kt.layers.DomainDiscriminator((6,), dropout=0.3),
        ),
    ),
    # === adaptation ===
    Descriptor(
        "adaptation.DomainAdaptation",
        kind="trainer",
        create=lambda: kt.DomainAdaptation(
            _plain_model(), ["dann", "dan"], batch_norm="domain_specific"
        ),
        inputs=(rows(),),
    ),
    # === meta ===
    *FEW_SHOT,
    # === subspace ===
    *SUBSPACE,
    *TRANSPORT,
    # === zoo ===
    _layer(
        "zoo.HubBackbone",
        create=lambda: kt.zoo.HubBackbone(
            "omniglot_conv4", True, "conv_1/*", batch_norm_training=True
        ),
        tolerance=1e-4,
        needs_tensorflow=True,
        inputs=(_pixels()[:, :1, :1, :1] * np.ones((3, 28, 28, 1), "float32"),),
    ),
]


def of_kind(*kinds):
    """Descriptors of some kinds, as `pytest.mark.parametrize` wants them."""
    import pytest

    off_tensorflow = keras.backend.backend() != "tensorflow"
    return pytest.mark.parametrize(
        "descriptor",
        [
            pytest.param(
                descriptor,
                id=descriptor.name,
                marks=pytest.mark.skipif(
                    descriptor.needs_tensorflow and off_tensorflow,
                    reason="a SavedModel needs TensorFlow",
                ),
            )
            for descriptor in DESCRIPTORS
            if descriptor.kind in kinds
        ],
    )
