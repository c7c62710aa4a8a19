"""Networks in PyTorch, with random weights: a program for a Python with torch.

    python torch_reference.py NETWORK SIDE FOLDER

writes `weights.pt` and `legacy.pt` (both formats of `torch.save`), `images.npy`
and `outputs.npy`; with `tensors` for a network, tensors of all kinds and
`tensors.npz`. It imports nothing of the package. torchvision is not needed: the
networks are written here, with torchvision's names and layers.
"""

import pathlib
import sys

import numpy as np
import torch
from torch import nn

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, *(512, 512, 512, 0) * 2)


class Block(nn.Module):
    def __init__(self, before, width, stride, is_bottleneck):
        super().__init__()
        after = width * 4 if is_bottleneck else width
        if is_bottleneck:
            shapes = ((before, width, 1, 1), (width, width, 3, stride))
            shapes += ((width, after, 1, 1),)
        else:
            shapes = ((before, width, 3, stride), (width, width, 3, 1))
        self.count = len(shapes)
        for index, (a, b, size, step) in enumerate(shapes, 1):
            conv = nn.Conv2d(a, b, size, step, size // 2, bias=False)
            setattr(self, f"conv{index}", conv)
            setattr(self, f"bn{index}", nn.BatchNorm2d(b))
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        for index in range(1, self.count + 1):
            x = getattr(self, f"conv{index}")(x)
            x = getattr(self, f"bn{index}")(x)
            x = torch.relu(x) if index < self.count else x
        return torch.relu(x + shortcut)


class ResNet(nn.Module):
    def __init__(self, counts, is_bottleneck):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        before = 64
        for stage, (width, count) in enumerate(
            zip((64, 128, 256, 512), counts, strict=True), 1
        ):
            blocks = []
            for index in range(count):
                stride = 2 if stage > 1 and index == 0 else 1
                blocks.append(Block(before, width, stride, is_bottleneck))
                before = width * 4 if is_bottleneck else width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(before, 1000)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    def __init__(self, side):
        super().__init__()
        steps, before = [], 3
        for width in VGG16:
            if width:
                steps += [nn.Conv2d(before, width, 3, 1, 1), nn.ReLU()]
                before = width
            else:
                steps.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*steps)
        # torchvision's is for 224 pixels, whose map of 7 x 7 it keeps.
        self.classifier = nn.Sequential(
            nn.Linear(512 * (side // 32) ** 2, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 1000),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def build(network, side):
    if network == "vgg16":
        return VGG(side)
    if network == "resnet18":
        return ResNet((2, 2, 2, 2), False)
    return ResNet((3, 4, 6, 3), True)


def randomise(module):
    """Running statistics and norms that are not those of a new network."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, 0.0, 0.1)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.0)
            nn.init.normal_(layer.bias, 0.0, 0.1)
            nn.init.normal_(layer.running_mean, 0.0, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)


def write_tensors(folder):
    """Tensors of all data types, and views that are not row by row."""
    numbers = torch.arange(24.0).reshape(4, 6)
    tensors = {
        str(dtype).removeprefix("torch."): numbers.to(dtype)
        for dtype in (
            torch.float16,
            torch.bfloat16,
            torch.float64,
            torch.int8,
            torch.int16,
            torch.int32,
            torch.int64,
            torch.uint8,
            torch.bool,
        )
    }
    tensors |= {
        "turned": numbers.t(),
        "slice": numbers[1:3, ::2],
        "expanded": numbers[:1].expand(5, 6),
        "parameter": nn.Parameter(numbers.clone()),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.5),
        "last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    torch.save(
        tensors, folder / "legacy.pt", _use_new_zipfile_serialization=False
    )
    # Without a storage type of their own, in the newer format only.
    tensors |= {"uint16": numbers.to(torch.uint16)}
    torch.save(tensors, folder / "weights.pt")
    arrays = {
        name: (x.float() if x.dtype == torch.bfloat16 else x.detach()).numpy()
        for name, x in tensors.items()
    }
    np.savez(folder / "tensors.npz", **arrays)
    torch.save(nn.Sequential(nn.Linear(1, 1)), folder / "network.pt")


def main(network, side, folder):
    torch.manual_seed(7)
    side, folder = int(side), pathlib.Path(folder)
    if network == "tensors":
        write_tensors(folder)
        return
    model = build(network, side)
    randomise(model)
    model.eval()
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        outputs = model(images)
        # Outputs of the size of 1, so that a difference means something.
        last = model.classifier[-1] if network == "vgg16" else model.fc
        last.weight /= outputs.std()
        last.bias /= outputs.std()
        outputs = model(images)
    torch.save(model.state_dict(), folder / "weights.pt")
    torch.save(
        {"epoch": 3, "state_dict": model.state_dict()},
        folder / "legacy.pt",
        _use_new_zipfile_serialization=False,
    )
    np.save(folder / "images.npy", images.permute(0, 2, 3, 1).numpy())
    np.save(folder / "outputs.npy", outputs.numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
