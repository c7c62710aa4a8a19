"""Transfer learning for Keras 3 on TensorFlow.

    import keras_transfer as kt

What is light is here at once; sub-packages with heavy dependencies are
imported when they are first used.
"""

import importlib

from keras_transfer import adaptation as adaptation
from keras_transfer import alignment as alignment
from keras_transfer import callbacks as callbacks
from keras_transfer import data as data
from keras_transfer import finetune as finetune
from keras_transfer import layers as layers
from keras_transfer import losses as losses
from keras_transfer import meta as meta
from keras_transfer import ops as ops
from keras_transfer import schedules as schedules
from keras_transfer import selection as selection
from keras_transfer import subspace as subspace
from keras_transfer import transferability as transferability
from keras_transfer import weighting as weighting
from keras_transfer import zoo as zoo
from keras_transfer._version import __version__ as __version__
from keras_transfer.adaptation import DomainAdaptation as DomainAdaptation

_LAZY = ("explain", "export")


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"keras_transfer.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
