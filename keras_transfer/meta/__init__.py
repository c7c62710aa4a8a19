"""Few-shot learning: trainers on episodes."""

from keras_transfer.meta.derivative_order_annealing import (
    DerivativeOrderAnnealing as DerivativeOrderAnnealing,
)
from keras_transfer.meta.episode_scores import EpisodeScores as EpisodeScores
from keras_transfer.meta.linear_head import LinearHead as LinearHead
from keras_transfer.meta.maml import MAML as MAML
from keras_transfer.meta.matching_head import MatchingHead as MatchingHead
from keras_transfer.meta.matching_network import (
    MatchingNetwork as MatchingNetwork,
)
from keras_transfer.meta.memory_augmented_network import (
    MemoryAugmentedNetwork as MemoryAugmentedNetwork,
)
from keras_transfer.meta.multi_step_loss import MultiStepLoss as MultiStepLoss
from keras_transfer.meta.per_step_batch_norm import (
    PerStepBatchNorm as PerStepBatchNorm,
)
from keras_transfer.meta.prototypical_network import (
    PrototypicalNetwork as PrototypicalNetwork,
)
from keras_transfer.meta.query_context import QueryContext as QueryContext
from keras_transfer.meta.relation_head import RelationHead as RelationHead
from keras_transfer.meta.relation_loss import RelationLoss as RelationLoss
from keras_transfer.meta.relation_module import RelationModule as RelationModule
from keras_transfer.meta.relation_network import (
    RelationNetwork as RelationNetwork,
)
from keras_transfer.meta.reptile import Reptile as Reptile
from keras_transfer.meta.ridge_head import RidgeHead as RidgeHead
from keras_transfer.meta.support_context import SupportContext as SupportContext
