"""PyTorch's part of the benchmarks that go side by side: networks, arrays.

Not to be imported beside TensorFlow; see `alternation`.
"""

import sys
import tarfile
import types

import conv4_arrays
import torch
from torch import nn


def network(kind, values, running=True):
    """A network of `conv4_arrays` from PyTorch's stock layers.

    Args:
        kind: `"stride"`, `"pool"` or `"pool_first"`.
        values: Its trainable variables in Keras' layout.
        running: Whether batch norm keeps running statistics.
    """
    layers, channels = [], 1
    for _ in range(conv4_arrays.BLOCKS):
        filters = conv4_arrays.FILTERS
        pool = [] if kind == "stride" else [nn.MaxPool2d(2)]
        layers += [
            nn.Conv2d(
                channels,
                filters,
                3,
                stride=2 if kind == "stride" else 1,
                padding=1,
                bias=False,
            ),
            nn.BatchNorm2d(
                filters,
                eps=conv4_arrays.EPSILON,
                track_running_stats=running,
            ),
            *(pool if kind == "pool_first" else []),
            nn.ReLU(),
            *(pool if kind == "pool" else []),
        ]
        channels = filters
    if kind == "stride":
        layers.append(nn.AdaptiveAvgPool2d(1))
    layers.append(nn.Flatten())
    if len(values) > 3 * conv4_arrays.BLOCKS:
        layers.append(nn.Linear(*values[-2].shape))
    model = nn.Sequential(*layers)
    wanted = conv4_arrays.to_torch(values, kind)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), wanted, strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model


def adam(parameters):
    """Keras' Adam, whose epsilon is another."""
    return torch.optim.Adam(parameters, lr=1e-3, eps=1e-7)


def batches(arrays, kind, dtype=torch.float32):
    """A list of `(xs, ys, xq, yq)` from arrays with a leading axis."""
    parts = {
        name: torch.from_numpy(conv4_arrays.images_to_torch(rows, kind)).to(
            dtype
        )
        if name.startswith("x")
        else torch.from_numpy(rows.astype("int64"))
        for name, rows in arrays.items()
    }
    return list(zip(*(parts[n] for n in ("xs", "ys", "xq", "yq")), strict=True))


def gradients(model, kind):
    """The gradients that a step left, in Keras' layout."""
    return conv4_arrays.from_torch(
        [p.grad.numpy() for p in model.parameters()], kind
    )


def learn2learn_maml(archive):
    """The class MAML from learn2learn's source archive.

    The package does not build on Python 3.11. What MAML needs are three files
    of plain Python, which are imported without the rest.
    """
    names = {
        "learn2learn.utils": "learn2learn/utils/__init__.py",
        "learn2learn.algorithms.base_learner": (
            "learn2learn/algorithms/base_learner.py"
        ),
        "learn2learn.algorithms.maml": "learn2learn/algorithms/maml.py",
    }
    for package in ("learn2learn", "learn2learn.algorithms"):
        sys.modules[package] = types.ModuleType(package)
    with tarfile.open(archive) as files:
        root = files.getnames()[0].split("/")[0]
        for name, path in names.items():
            source = files.extractfile(f"{root}/{path}").read()
            module = sys.modules[name] = types.ModuleType(name)
            exec(compile(source, path, "exec"), module.__dict__)
    return sys.modules["learn2learn.algorithms.maml"].MAML


def stub_torchvision():
    """Lets easyfsl be imported without torchvision.

    Installing that may bring another PyTorch with it, and the methods do not
    use it.
    """

    class Stub(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (nn.Module,), {})

    for name in ("torchvision", "torchvision.models", "torchvision.datasets"):
        sys.modules[name] = Stub(name)
    sys.modules["torchvision.models.resnet"] = Stub("resnet")
