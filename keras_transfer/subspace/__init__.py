"""Features of two domains brought together in closed form.

    align = kt.subspace.SubspaceAlignment(20)
    align.adapt(x_source, x_target)
    head.fit(align(x_source, domain="source"), y_source)
    model = keras.Sequential([align, head])  # takes inputs of the target

The layers are linear or nearly so: they see means, covariances and leading
directions, which is much on features that a network or a vocabulary made,
and little on pixels. Scale columns before (z-scores of each domain): that is
left to the caller, because it changes results more than the method does.
"""

from keras_transfer.subspace.affine_subspace_layer import (
    AffineSubspaceLayer as AffineSubspaceLayer,
)
from keras_transfer.subspace.as_transformer import (
    as_transformer as as_transformer,
)
from keras_transfer.subspace.coral import Coral as Coral
from keras_transfer.subspace.geodesic_flow_kernel import (
    GeodesicFlowKernel as GeodesicFlowKernel,
)
from keras_transfer.subspace.joint_distribution_adaptation import (
    JointDistributionAdaptation as JointDistributionAdaptation,
)
from keras_transfer.subspace.linear_monge import LinearMonge as LinearMonge
from keras_transfer.subspace.marginalized_denoising_autoencoder import (
    MarginalizedDenoisingAutoencoder as MarginalizedDenoisingAutoencoder,
)
from keras_transfer.subspace.optimal_transport import (
    OptimalTransport as OptimalTransport,
)
from keras_transfer.subspace.pca import PCA as PCA
from keras_transfer.subspace.subspace_alignment import (
    SubspaceAlignment as SubspaceAlignment,
)
from keras_transfer.subspace.subspace_disagreement import (
    SubspaceDisagreement as SubspaceDisagreement,
)
from keras_transfer.subspace.subspace_disagreement import (
    subspace_disagreement as subspace_disagreement,
)
from keras_transfer.subspace.subspace_layer import (
    SubspaceLayer as SubspaceLayer,
)
from keras_transfer.subspace.transfer_component_analysis import (
    TransferComponentAnalysis as TransferComponentAnalysis,
)
