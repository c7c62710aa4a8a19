"""Adapters inside Keras models: small parts that learn beside a frozen base."""

from keras_transfer.finetune.adapters.adapter_report import (
    adapter_report as adapter_report,
)
from keras_transfer.finetune.adapters.add_adapters import (
    add_adapters as add_adapters,
)
from keras_transfer.finetune.adapters.bit_fit import BitFit as BitFit
from keras_transfer.finetune.adapters.bottleneck import (
    BottleneckAdapter as BottleneckAdapter,
)
from keras_transfer.finetune.adapters.dora import DoRA as DoRA
from keras_transfer.finetune.adapters.ia3 import IA3 as IA3
from keras_transfer.finetune.adapters.load_adapters import (
    load_adapters as load_adapters,
)
from keras_transfer.finetune.adapters.lora import LoRA as LoRA
from keras_transfer.finetune.adapters.merge_adapters import (
    merge_adapters as merge_adapters,
)
from keras_transfer.finetune.adapters.rank_stabilized import (
    RankStabilizedLoRA as RankStabilizedLoRA,
)
from keras_transfer.finetune.adapters.save_adapters import (
    save_adapters as save_adapters,
)
from keras_transfer.finetune.adapters.set_adapter import (
    set_adapter as set_adapter,
)
from keras_transfer.finetune.adapters.side_tuning import (
    SideTuning as SideTuning,
)
