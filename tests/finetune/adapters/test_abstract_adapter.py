"""What all adapters share: targets, configs, and what they are meant for."""

import keras
import pytest
from keras import layers

from keras_transfer.finetune.adapters import IA3
from keras_transfer.finetune.adapters import BitFit
from keras_transfer.finetune.adapters import BottleneckAdapter
from keras_transfer.finetune.adapters import DoRA
from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import RankStabilizedLoRA
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter

ADAPTERS = [
    LoRA(rank=3, alpha=5, dropout=0.2, target=["a*", "b"]),
    DoRA(rank=3, alpha=5, dropout=0.2, target="a*"),
    RankStabilizedLoRA(rank=3, alpha=5, dropout=0.2, target="a*"),
    BottleneckAdapter(width=3, activation="gelu", target="a*"),
    IA3(target="a*", input_target=["b"]),
    BitFit(target="a*"),
]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: type(a).__name__)
def test_round_trip(adapter):
    config = keras.saving.serialize_keras_object(adapter)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(adapter)
    assert again.get_config() == adapter.get_config()
    assert config["registered_name"].startswith("keras_transfer>finetune.")
    assert again.wants("net/a1") and not again.wants("net/c")


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        AbstractAdapter("dense")


def test_it_is_meant_for_layers_with_a_kernel():
    dense, norm = layers.Dense(3), layers.LayerNormalization()
    dense.build((2, 4)), norm.build((2, 4))
    lora = LoRA()
    assert lora.applies(dense) and not lora.applies(norm)
    assert lora.refusal(dense) is None and lora.refusal(norm) is not None
