"""Layers to put into one's own models."""

from keras_transfer.layers.cosine_head import CosineHead as CosineHead
from keras_transfer.layers.domain_batch_normalization import (
    DomainBatchNormalization as DomainBatchNormalization,
)
from keras_transfer.layers.domain_discriminator import (
    DomainDiscriminator as DomainDiscriminator,
)
from keras_transfer.layers.gradient_reversal import (
    GradientReversal as GradientReversal,
)
from keras_transfer.layers.image_preprocessing import (
    ImagePreprocessing as ImagePreprocessing,
)
from keras_transfer.layers.memory_cell import (
    LeastRecentlyUsedMemoryCell as LeastRecentlyUsedMemoryCell,
)
from keras_transfer.layers.prototype_head import PrototypeHead as PrototypeHead
from keras_transfer.layers.stochastic_normalization import (
    StochasticNormalization as StochasticNormalization,
)


def __getattr__(name):
    # A layer to its users, but made of the terms, which are built on layers.
    if name == "AlignmentLoss":
        from keras_transfer.alignment.alignment_loss import AlignmentLoss

        return AlignmentLoss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
