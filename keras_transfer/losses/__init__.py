"""Distances between two feature batches: a function and a class each."""

from keras_transfer.losses.batch_spectral_shrinkage import (
    batch_spectral_shrinkage as batch_spectral_shrinkage,
)
from keras_transfer.losses.coral import Coral as Coral
from keras_transfer.losses.coral import coral as coral
from keras_transfer.losses.maximum_mean_discrepancy import (
    MaximumMeanDiscrepancy as MaximumMeanDiscrepancy,
)
from keras_transfer.losses.maximum_mean_discrepancy import (
    maximum_mean_discrepancy as maximum_mean_discrepancy,
)
from keras_transfer.losses.prototypical import Prototypical as Prototypical
from keras_transfer.losses.prototypical import prototypical as prototypical
