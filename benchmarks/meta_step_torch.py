"""PyTorch's sides of `meta_step`: a worker that it starts.

- `torch_func_vmap`: `torch.func`, all tasks in one `vmap`, one gradient of the
  mean loss. In second order its batch norm is written out: through `vmap`,
  PyTorch 2.13 takes the statistics of its own batch norm for constants, and
  the meta-gradient is wrong by some percent, without a word. Written out it
  is right, and faster too. In first order its own is right and faster;
- `torch_loop`: `functional_call` and `autograd.grad`, a task after the other;
- `learn2learn`: its MAML, used as its examples do;
- `higher`: its inner loop context, likewise.

Batch norm has batch statistics on all sides. The first two keep no running
ones, since `vmap` cannot write them; that is work they are spared.

Tried and slower: `vmap` over each task's whole gradient, which is right with
the stock batch norm (CPU time 1.3 times that of one gradient of the mean),
`torch.func.grad` instead of `autograd.grad` in the loop (1.4 times).
"""

import sys

import alternation
import higher
import numpy as np
import torch
import torch_sides
from torch import nn
from torch.func import functional_call
from torch.func import grad
from torch.func import grad_and_value
from torch.func import vmap
from torch.nn import functional


class Side:
    """A way to take meta-steps.

    Args:
        model: The network.
        row: The settings, see `meta_step.ROWS`.
    """

    running_statistics = True

    def __init__(self, model, row):
        self.model = model.train()
        self.rate = row["inner_rate"]
        self.steps = row["inner_steps"]
        self.first_order = row["first_order"]
        self.optimizer = torch_sides.adam(model.parameters())

    def step(self, batch):
        """A meta-step; returns the loss and the accuracy."""
        self.optimizer.zero_grad()
        result = self.gradients(*batch)
        self.optimizer.step()
        return result

    def gradients(self, xs, ys, xq, yq):
        """Sets the meta-gradient; returns the loss and the accuracy."""
        loss = hits = 0.0
        for task in zip(xs, ys, xq, yq, strict=True):
            task_loss, logits = self.task(*task)
            (task_loss / len(xs)).backward()
            loss += task_loss.item() / len(xs)
            hits += accuracy(logits, task[3]).item() / len(xs)
        return loss, hits

    def task(self, xs, ys, xq, yq):
        """Loss and logits of one task, to be differentiated."""
        raise NotImplementedError


class Loop(Side):
    """One task after the other, with `functional_call`."""

    running_statistics = False

    def task(self, xs, ys, xq, yq):
        parameters = dict(self.model.named_parameters())
        for _ in range(self.steps):
            loss, _ = loss_and_logits(self.model, parameters, xs, ys)
            gradients = torch.autograd.grad(
                loss,
                list(parameters.values()),
                create_graph=not self.first_order,
            )
            parameters = {
                name: value - self.rate * gradient
                for (name, value), gradient in zip(
                    parameters.items(), gradients, strict=True
                )
            }
        return loss_and_logits(self.model, parameters, xq, yq)


class Vmap(Side):
    """All tasks at once, with `torch.func`."""

    running_statistics = False

    def __init__(self, model, row):
        if not row["first_order"]:
            for index, layer in enumerate(model):
                if isinstance(layer, nn.BatchNorm2d):
                    model[index] = WrittenOutBatchNorm(layer)
        super().__init__(model, row)

    def adapted(self, parameters, xs, ys):
        for _ in range(self.steps):
            gradients, _ = grad(self.loss, has_aux=True)(parameters, xs, ys)
            parameters = {
                name: value - self.rate * gradients[name]
                for name, value in parameters.items()
            }
        return parameters

    def loss(self, parameters, x, y):
        return loss_and_logits(self.model, parameters, x, y)

    def gradients(self, *batch):
        parameters = dict(self.model.named_parameters())
        if self.first_order:
            return self.first_order_gradients(parameters, batch)

        def task(parameters, xs, ys, xq, yq):
            return self.loss(self.adapted(parameters, xs, ys), xq, yq)

        losses, logits = vmap(task, (None, 0, 0, 0, 0))(parameters, *batch)
        losses.mean().backward()
        return losses.mean().item(), accuracy(logits, batch[3]).item()

    def first_order_gradients(self, parameters, batch):
        # The gradient at the adapted weights: nothing is differentiated twice.
        def task(parameters, xs, ys, xq, yq):
            outer = grad_and_value(self.loss, has_aux=True)
            return outer(self.adapted(parameters, xs, ys), xq, yq)

        with torch.no_grad():
            gradients, (losses, logits) = vmap(task, (None, 0, 0, 0, 0))(
                parameters, *batch
            )
            for name, parameter in parameters.items():
                parameter.grad = gradients[name].mean(0)
        return losses.mean().item(), accuracy(logits, batch[3]).item()


class Learn2Learn(Side):
    """MAML of learn2learn."""

    def __init__(self, model, row):
        super().__init__(model, row)
        maml = torch_sides.learn2learn_maml(row["learn2learn"])
        self.maml = maml(model, lr=self.rate, first_order=self.first_order)

    def task(self, xs, ys, xq, yq):
        learner = self.maml.clone()
        for _ in range(self.steps):
            learner.adapt(functional.cross_entropy(learner(xs), ys))
        logits = learner(xq)
        return functional.cross_entropy(logits, yq), logits


class Higher(Side):
    """The inner loop of higher."""

    def __init__(self, model, row):
        super().__init__(model, row)
        self.inner = torch.optim.SGD(model.parameters(), lr=self.rate)

    def gradients(self, xs, ys, xq, yq):
        loss = hits = 0.0
        for task in zip(xs, ys, xq, yq, strict=True):
            # Left only after `backward`, as its examples do.
            with higher.innerloop_ctx(
                self.model,
                self.inner,
                copy_initial_weights=False,
                track_higher_grads=not self.first_order,
            ) as (learner, optimizer):
                for _ in range(self.steps):
                    optimizer.step(
                        functional.cross_entropy(learner(task[0]), task[1])
                    )
                logits = learner(task[2])
                task_loss = functional.cross_entropy(logits, task[3])
                self.backward(task_loss / len(xs), learner)
            loss += task_loss.item() / len(xs)
            hits += accuracy(logits, task[3]).item() / len(xs)
        return loss, hits

    def backward(self, loss, learner):
        if not self.first_order:
            loss.backward()
            return
        # Nothing leads back to the model: its examples add by hand.
        gradients = torch.autograd.grad(loss, list(learner.parameters()))
        for parameter, gradient in zip(
            self.model.parameters(), gradients, strict=True
        ):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad += gradient


class WrittenOutBatchNorm(nn.Module):
    """Batch norm with batch statistics, of differentiable parts."""

    def __init__(self, stock):
        super().__init__()
        self.weight, self.bias, self.eps = stock.weight, stock.bias, stock.eps

    def forward(self, x):
        variance, mean = torch.var_mean(
            x, (0, 2, 3), keepdim=True, correction=0
        )
        scale = self.weight[:, None, None] * torch.rsqrt(variance + self.eps)
        return x * scale + (self.bias[:, None, None] - mean * scale)


SIDES = {
    "torch_func_vmap": Vmap,
    "torch_loop": Loop,
    "learn2learn": Learn2Learn,
    "higher": Higher,
}


def loss_and_logits(model, parameters, x, y):
    logits = functional_call(model, parameters, (x,))
    return functional.cross_entropy(logits, y), logits


def accuracy(logits, labels):
    return (logits.argmax(-1) == labels).float().mean()


class Worker:
    """What the driver asks for."""

    def prepare(self, side, arrays, row):
        """Builds a side with the weights and data of a file."""
        with np.load(arrays) as file:
            values = [file[f"w{i}"] for i in range(int(file["num_weights"]))]
            data = {name: file[name] for name in ("xs", "ys", "xq", "yq")}
        kind = SIDES[side]
        network = torch_sides.network(
            row["network"], values, kind.running_statistics
        )
        dtype = getattr(torch, row["dtype"])
        self.side = kind(network.to(dtype), row)
        self.batches = torch_sides.batches(data, row["network"], dtype)
        self.network = row["network"]
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}

    def run(self, steps):
        """Times some meta-steps."""

        def several(number):
            for index in range(number):
                self.side.step(self.batches[index % len(self.batches)])

        return alternation.timed(several, steps)

    def check(self, path, tasks):
        """Loss and meta-gradient of some tasks; no step is taken."""
        self.side.optimizer.zero_grad()
        loss, accuracy_ = self.side.gradients(
            *(rows[:tasks] for rows in self.batches[0])
        )
        np.savez(path, *torch_sides.gradients(self.side.model, self.network))
        return {"loss": loss, "accuracy": accuracy_}


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
