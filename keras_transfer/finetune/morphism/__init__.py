"""Network morphism: more units, layers or connections, the same function."""

from keras_transfer.finetune.morphism.add_skip import add_skip as add_skip
from keras_transfer.finetune.morphism.deepen import deepen as deepen
from keras_transfer.finetune.morphism.grow_kernel import (
    grow_kernel as grow_kernel,
)
from keras_transfer.finetune.morphism.widen import widen as widen
