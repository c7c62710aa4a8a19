"""What can be read from a training: versions, command, model, settings."""

import os
import platform
import shlex
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer import _storable
from keras_transfer import _version
from keras_transfer.data.model_outputs import plain_model


def versions():
    """Dict from a program's name to its version."""
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "keras_transfer": _version.__version__,
    }


def command():
    """The command that runs, without the folder of its program."""
    program, *arguments = sys.argv or [""]
    if not program or program == "-c" or "ipykernel" in program:
        return None
    return shlex.join([os.path.basename(program), *arguments])


def machine():
    """Where it runs: kind of machine, number of cores and of accelerators."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
    }


def of_run(status, given, training, timings, **others):
    """The contents of `run.json`, in its order.

    Args:
        status: `"running"`, `"finished"` or `"interrupted"`.
        given: Dict of `config`, `data` and `seed`.
        training: What `of_training` says, or as much of it as is known.
        timings: Dict from `started` to `seconds_per_epoch`.
        **others: `budget`, `best` and `figures`.

    Returns:
        A dict.
    """
    return {
        "status": status,
        **given,
        **training,
        **others,
        "timings": timings,
        "command": command(),
        "machine": machine(),
        "versions": versions(),
    }


def of_training(model):
    """What is trained and how: trainer, plain model, optimizer and loss.

    Args:
        model: What `fit` is called on, a trainer or a plain model.

    Returns:
        Dict with `trainer` (`None` for a plain model), `model`, `optimizer`
        and `loss`; what JSON cannot hold is `None`.
    """
    plain = plain_model(model)
    return {
        "trainer": None if plain is model else _trainer(model),
        "model": _model(plain),
        "optimizer": _optimizer(model),
        "loss": _names(getattr(model, "loss", None)),
    }


def class_of(thing):
    """Name of the package and of the class of an object."""
    kind = type(thing)
    # Where Keras keeps a class inside is of no interest.
    module = kind.__module__.partition(".")[0]
    return f"{module}.{kind.__name__}"


def _trainer(trainer):
    """Class and settings; of models among them the name alone."""
    try:
        config = trainer.get_config()
    except (NotImplementedError, TypeError, ValueError):
        config = {}  # a subclass that does not say
    settings = {
        key: None
        if isinstance(getattr(trainer, key, None), keras.Model)
        # By Keras' serialization a nested model is its whole graph.
        else _or_none(value)
        for key, value in config.items()
    }
    settings = {k: v for k, v in settings.items() if v is not None}
    return {"class": class_of(trainer), "config": settings}


def _model(model):
    built = model.built
    return {
        "class": class_of(model),
        "name": model.name,
        "parameters": model.count_params() if built else None,
        "inputs": _shapes(model, "inputs"),
        "outputs": _shapes(model, "outputs"),
    }


def _shapes(model, which):
    try:
        tensors = getattr(model, which)
    except (AttributeError, ValueError):
        return None  # a subclass has no graph
    if tensors is None:
        return None
    return [
        {"name": tensor.name, "shape": list(tensor.shape)}
        for tensor in tree.flatten(tensors)
    ]


def _optimizer(model):
    if not getattr(model, "compiled", False) or model.optimizer is None:
        return None
    try:
        config = model.optimizer.get_config()
    except NotImplementedError:
        config = {}
    return {
        "class": class_of(model.optimizer),
        "config": _or_none(keras.saving.serialize_keras_object(config)),
    }


def _names(losses):
    """A loss, or a nest of them, by name."""
    if losses is None or isinstance(losses, str):
        return losses
    if isinstance(losses, dict):
        return {str(key): _names(loss) for key, loss in losses.items()}
    if isinstance(losses, list | tuple):
        return [_names(loss) for loss in losses]
    name = getattr(losses, "name", None) or getattr(losses, "__name__", None)
    return name or type(losses).__name__


def _or_none(value):
    try:
        return _storable.storable("config", value)
    except ValueError:
        return None
