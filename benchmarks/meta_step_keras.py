"""Our side of `meta_step`: a worker that it starts."""

import importlib.metadata

import alternation
import keras
import keras_sides
import numpy as np

import keras_transfer as kt


class Worker:
    """What the driver asks for."""

    def prepare(self, side, arrays, row):
        """Builds `MAML` with the weights and data of a file."""
        keras_sides.use_threads(ops_share=side == "keras_transfer_shared_ops")
        with np.load(arrays) as file:
            values = [file[f"w{i}"] for i in range(int(file["num_weights"]))]
            self.data = {name: file[name] for name in ("xs", "ys", "xq", "yq")}
        for name in ("xs", "xq"):
            self.data[name] = self.data[name].astype(row["dtype"])
        keras.config.set_floatx(row["dtype"])
        keras.config.set_dtype_policy(row["dtype"])
        self.model = keras_sides.network(row["network"], values)
        self.maml = kt.meta.MAML(
            self.model,
            inner_learning_rate=row["inner_rate"],
            inner_steps=row["inner_steps"],
            first_order=row["first_order"],
            statistics="transductive",
        )
        self.compile(keras.optimizers.Adam(1e-3))
        return {"tensorflow": importlib.metadata.version("tensorflow")}

    def compile(self, optimizer):
        self.maml.compile(optimizer, metrics=["accuracy"], jit_compile=False)

    def run(self, steps):
        """Times an epoch of `fit`."""
        data = keras_sides.dataset(self.data, steps)
        return alternation.timed(
            lambda _: self.maml.fit(data, verbose=0), steps
        )

    def check(self, path, tasks):
        """Loss and meta-gradient of some tasks."""
        self.compile(keras.optimizers.SGD(1.0))
        some = {name: rows[:, :tasks] for name, rows in self.data.items()}
        history, gradients = keras_sides.gradients_of_a_step(
            self.maml, self.model, keras_sides.dataset(some, 1)
        )
        np.savez(path, *gradients)
        return {
            "loss": history["loss"][0],
            "accuracy": history["accuracy"][0],
        }


if __name__ == "__main__":
    worker = Worker()
    alternation.serve(
        {
            "prepare": worker.prepare,
            "run": worker.run,
            "check": worker.check,
        }
    )
