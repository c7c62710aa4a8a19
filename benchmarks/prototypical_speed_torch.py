"""PyTorch's sides of `prototypical_speed`: a worker that it starts.

- `easyfsl`: its `PrototypicalNetworks`, trained as its notebooks do. Support
  and queries are two passes, each with its own batch statistics, and logits
  are minus the distance, not its square: nearly the same work as ours, not
  quite the same loss;
- `torch`: our mathematics by hand: one pass, squared distances;
- `torch_channels_last`: the same with the images' channels behind.
"""

import sys

import alternation
import numpy as np
import torch
import torch_sides
from torch.nn import functional

torch_sides.stub_torchvision()

from easyfsl.methods import PrototypicalNetworks  # noqa: E402  (needs stubs)


class EasyFsl:
    """`PrototypicalNetworks` of easyfsl."""

    def __init__(self, model, ways):
        del ways  # it counts them
        self.model = PrototypicalNetworks(model)

    def logits(self, xs, ys, xq):
        self.model.process_support_set(xs, ys)
        return self.model(xq)


class ByHand:
    """What `PrototypicalNetwork` computes."""

    memory_format = torch.contiguous_format

    def __init__(self, model, ways):
        self.model = model.to(memory_format=self.memory_format)
        self.ways = ways

    def logits(self, xs, ys, xq):
        del ys  # class after class
        rows = torch.cat([xs, xq]).to(memory_format=self.memory_format)
        features = self.model(rows)
        support, query = features[: len(xs)], features[len(xs) :]
        means = support.reshape(self.ways, -1, support.shape[-1]).mean(1)
        return (
            2 * query @ means.T
            - query.square().sum(1, keepdim=True)
            - means.square().sum(1)
        )


class ChannelsLast(ByHand):
    """The same with another layout."""

    memory_format = torch.channels_last


SIDES = {
    "easyfsl": EasyFsl,
    "torch": ByHand,
    "torch_channels_last": ChannelsLast,
}


class Worker:
    """What the driver asks for."""

    def prepare(self, side, arrays, row):
        """Builds a side with the weights and data of a file."""
        with np.load(arrays) as file:
            values = [file[f"w{i}"] for i in range(int(file["num_weights"]))]
            data = {name: file[name] for name in ("xs", "ys", "xq", "yq")}
        dtype = getattr(torch, row["dtype"])
        self.network = row["network"]
        self.model = torch_sides.network(self.network, values).to(dtype)
        self.model.train()
        self.side = SIDES[side](self.model, row["ways"])
        self.optimizer = torch_sides.adam(self.model.parameters())
        self.batches = torch_sides.batches(data, self.network, dtype)
        return {"torch": torch.__version__}

    def gradients(self, batch):
        """Sets the gradients; returns loss and accuracy, as `fit` shows."""
        xs, ys, xq, yq = batch
        self.optimizer.zero_grad()
        logits = self.side.logits(xs, ys, xq)
        loss = functional.cross_entropy(logits, yq)
        loss.backward()
        return loss.item(), (logits.argmax(1) == yq).float().mean().item()

    def run(self, steps):
        """Times some episodes of training."""

        def several(number):
            for index in range(number):
                self.gradients(self.batches[index % len(self.batches)])
                self.optimizer.step()

        return alternation.timed(several, steps)

    def check(self, path):
        """Loss and gradients of the first episode."""
        loss, _ = self.gradients(self.batches[0])
        np.savez(path, *torch_sides.gradients(self.model, self.network))
        return {"loss": loss}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    # As TensorFlow does.
    torch.set_flush_denormal(True)
    worker = Worker()
    alternation.serve(
        {
            "prepare": worker.prepare,
            "run": worker.run,
            "check": worker.check,
        }
    )
