"""Fine-tuning: what is trained, how fast, and what is added or carried over."""

from keras_transfer.finetune.adapters import IA3 as IA3
from keras_transfer.finetune.adapters import BitFit as BitFit
from keras_transfer.finetune.adapters import (
    BottleneckAdapter as BottleneckAdapter,
)
from keras_transfer.finetune.adapters import DoRA as DoRA
from keras_transfer.finetune.adapters import LoRA as LoRA
from keras_transfer.finetune.adapters import (
    RankStabilizedLoRA as RankStabilizedLoRA,
)
from keras_transfer.finetune.adapters import SideTuning as SideTuning
from keras_transfer.finetune.adapters import adapter_report as adapter_report
from keras_transfer.finetune.adapters import add_adapters as add_adapters
from keras_transfer.finetune.adapters import load_adapters as load_adapters
from keras_transfer.finetune.adapters import merge_adapters as merge_adapters
from keras_transfer.finetune.adapters import save_adapters as save_adapters
from keras_transfer.finetune.adapters import set_adapter as set_adapter
from keras_transfer.finetune.batch_spectral_shrinkage import (
    BatchSpectralShrinkage as BatchSpectralShrinkage,
)
from keras_transfer.finetune.channel_importance import (
    channel_importance as channel_importance,
)
from keras_transfer.finetune.checkpoints.read_weights import (
    read_weights as read_weights,
)
from keras_transfer.finetune.delta import Delta as Delta
from keras_transfer.finetune.freezing import freeze as freeze
from keras_transfer.finetune.freezing import unfreeze as unfreeze
from keras_transfer.finetune.l2sp import L2SP as L2SP
from keras_transfer.finetune.layerwise_learning_rate import (
    LayerwiseLearningRate as LayerwiseLearningRate,
)
from keras_transfer.finetune.morphism import add_skip as add_skip
from keras_transfer.finetune.morphism import deepen as deepen
from keras_transfer.finetune.morphism import grow_kernel as grow_kernel
from keras_transfer.finetune.morphism import widen as widen
from keras_transfer.finetune.penalties import add_penalty as add_penalty
from keras_transfer.finetune.prepare import prepare as prepare
from keras_transfer.finetune.replace_batch_norm import (
    replace_batch_norm as replace_batch_norm,
)
from keras_transfer.finetune.transfer_report import (
    TransferReport as TransferReport,
)
from keras_transfer.finetune.transfer_weights import (
    transfer_weights as transfer_weights,
)
