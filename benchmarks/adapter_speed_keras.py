"""One side of `adapter_speed`: a worker that it starts."""

import ctypes
import gc
import importlib.metadata
import pathlib

import alternation
import keras
import keras_sides
import numpy as np
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.training import layer_tree

CLASSES = 10


def dense(width=2048, depth=4, batch=128):
    """Wide dense layers; the network, the names to adapt, inputs' shape."""
    inputs = x = keras.Input((width,))
    for block in range(depth):
        x = keras.layers.Dense(width, activation="relu", name=f"dense_{block}")(
            x
        )
    outputs = keras.layers.Dense(CLASSES, name="head")(x)
    return keras.Model(inputs, outputs), "dense_*", (batch, width)


def transformer(width=256, depth=4, heads=4, length=64, batch=16):
    """An encoder: attention and feed-forward blocks with layer norm."""
    inputs = x = keras.Input((length, width))
    for block in range(depth):
        y = keras.layers.LayerNormalization(epsilon=1e-6)(x)
        y = keras.layers.MultiHeadAttention(
            heads, width // heads, name=f"block_{block}_attention"
        )(y, y)
        x = keras.layers.Add()([x, y])
        y = keras.layers.LayerNormalization(epsilon=1e-6)(x)
        y = keras.layers.Dense(
            4 * width, activation="gelu", name=f"block_{block}_up"
        )(y)
        y = keras.layers.Dense(width, name=f"block_{block}_down")(y)
        x = keras.layers.Add()([x, y])
    x = keras.layers.GlobalAveragePooling1D()(x)
    outputs = keras.layers.Dense(CLASSES, name="head")(x)
    return keras.Model(inputs, outputs), "block_*", (batch, length, width)


NETWORKS = {"dense": dense, "transformer": transformer}


def with_keras_lora(model, rank):
    """Keras' way: each layer by itself, all else frozen."""
    for path, layer in layer_tree.weighted_nodes(model):
        if path == "head":
            continue
        if isinstance(layer, (keras.layers.Dense, keras.layers.EinsumDense)):
            layer.enable_lora(rank, lora_alpha=rank)
            layer.bias.trainable = False
        else:
            layer.trainable = False
    return model


def forget_peak():
    """Sets the high-water mark of memory back; returns what is in use, MB."""
    gc.collect()
    # What was freed must go back to the system, or new arrays hide in it.
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return alternation.memory_mb("VmRSS")


class Worker:
    """What the driver asks for."""

    def prepare(self, side, row):
        """Builds the network and the data of a row."""
        self.side, self.row = side, row
        keras.utils.set_random_seed(0)
        model, target, shape = NETWORKS[row["network"]]()
        if side == "keras_transfer":
            adapter = kt.finetune.LoRA(
                rank=row["rank"], alpha=row["rank"], target=target
            )
            model = kt.finetune.add_adapters(model, adapter, also_train="head*")
        elif side == "keras":
            model = with_keras_lora(model, row["rank"])
        self.model, self.jit = model, row["jit"]
        rng = np.random.default_rng(0)
        self.data = (
            rng.normal(size=shape).astype("float32"),
            rng.integers(CLASSES, size=shape[0]),
        )
        self.compile(keras.optimizers.Adam(1e-3))
        del model
        self.before = forget_peak()
        return {"tensorflow": importlib.metadata.version("tensorflow")}

    def compile(self, optimizer):
        self.model.compile(
            optimizer,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=self.jit,
        )

    def batches(self, steps):
        batches = tf.data.Dataset.from_tensors(self.data)
        batches = batches.repeat(steps).prefetch(2)
        # Or `fit` may wait for the tuning thread, long after its last step.
        options = tf.data.Options()
        options.autotune.enabled = False
        return batches.with_options(options)

    def run(self, steps):
        """Times an epoch of `fit`."""
        data = self.batches(steps)
        return alternation.timed(
            lambda _: self.model.fit(data, shuffle=False, verbose=0), steps
        )

    def training_memory(self):
        """What training took at most, beside the network and the data."""
        peak = alternation.memory_mb("VmHWM")
        return {"training_mb": round(peak - self.before)}

    def check(self):
        """The loss after 20 steps, the low-rank factors the same for all."""
        self.prepare(self.side, self.row)
        rng = np.random.default_rng(1)
        for variable in sorted(
            self.model.trainable_variables, key=lambda v: v.path
        ):
            if is_down(variable):
                variable.assign(0.05 * rng.normal(size=variable.shape))
        self.compile(keras.optimizers.SGD(0.01))
        self.model.fit(self.batches(20), shuffle=False, verbose=0)
        loss = self.model.evaluate(*self.data, verbose=0)[0]
        return {
            "loss": round(float(loss), 6),
            "learning_weights": sum(
                int(np.prod(variable.shape))
                for variable in self.model.trainable_variables
            ),
        }


def is_down(variable):
    return variable.name in ("a", "lora_kernel_a")


if __name__ == "__main__":
    keras_sides.use_threads()
    worker = Worker()
    alternation.serve(
        {
            "prepare": worker.prepare,
            "run": worker.run,
            "training_memory": worker.training_memory,
            "check": worker.check,
        }
    )
