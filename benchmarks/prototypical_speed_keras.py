"""Our side of `prototypical_speed`: a worker that it starts."""

import importlib.metadata

import alternation
import keras
import keras_sides
import numpy as np

import keras_transfer as kt


class Worker:
    """What the driver asks for."""

    def prepare(self, side, arrays, row):
        """Builds `PrototypicalNetwork` with the weights and data of a file."""
        del side  # there is one
        with np.load(arrays) as file:
            values = [file[f"w{i}"] for i in range(int(file["num_weights"]))]
            self.data = {
                # One task in a batch.
                name: file[name][:, None]
                for name in ("xs", "ys", "xq", "yq")
            }
        for name in ("xs", "xq"):
            self.data[name] = self.data[name].astype(row["dtype"])
        keras.config.set_floatx(row["dtype"])
        keras.config.set_dtype_policy(row["dtype"])
        self.encoder = keras_sides.network(row["network"], values)
        self.trainer = kt.meta.PrototypicalNetwork(self.encoder)
        self.compile(keras.optimizers.Adam(1e-3))
        return {"tensorflow": importlib.metadata.version("tensorflow")}

    def compile(self, optimizer):
        self.trainer.compile(optimizer, jit_compile=False)

    def run(self, steps):
        """Times an epoch of `fit`."""
        data = keras_sides.dataset(self.data, steps)
        return alternation.timed(
            lambda _: self.trainer.fit(data, verbose=0), steps
        )

    def check(self, path):
        """Loss and gradients of the first episode."""
        self.compile(keras.optimizers.SGD(1.0))
        history, gradients = keras_sides.gradients_of_a_step(
            self.trainer, self.encoder, keras_sides.dataset(self.data, 1)
        )
        np.savez(path, *gradients)
        return {"loss": history["loss"][0]}


if __name__ == "__main__":
    keras_sides.use_threads()
    worker = Worker()
    alternation.serve(
        {
            "prepare": worker.prepare,
            "run": worker.run,
            "check": worker.check,
        }
    )
