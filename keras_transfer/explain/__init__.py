"""Pictures of data and features. Every function returns a figure."""

from keras_transfer.explain.domain_pictures import (
    domain_samples as domain_samples,
)
from keras_transfer.explain.domain_pictures import feature_maps as feature_maps
from keras_transfer.explain.learning_curves import (
    learning_curves as learning_curves,
)
