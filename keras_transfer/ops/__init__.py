"""Pure tensor maths on any Keras backend, in order of growing size."""

from keras_transfer.ops.distances import (
    median_pairwise_distance as median_pairwise_distance,
)
from keras_transfer.ops.distances import (
    pairwise_squared_distances as pairwise_squared_distances,
)
from keras_transfer.ops.gradients import reverse_gradient as reverse_gradient
from keras_transfer.ops.gradients import scale_gradient as scale_gradient
from keras_transfer.ops.kernels import gaussian_mixture as gaussian_mixture
from keras_transfer.ops.moments import covariance as covariance
from keras_transfer.ops.prototypes import class_means as class_means
