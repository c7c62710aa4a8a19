"""Writes a plain model as the next version of a SavedModel."""

import pathlib
import shutil
import tempfile

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument


def save(model, folder):
    """Exports a plain model as `folder/VERSION/saved_model.pb`.

    The layout of TF Serving: versions are integers, and the new one is one
    above the highest. It is written whole in a hidden folder and then
    renamed, so that a server never sees half of it. The result runs without
    this package and without Keras.

    Signatures: `predict`, which is `serving_default` too, with the inputs
    under the names given to `keras.Input` (`inputs` if there is one without a
    name) and the outputs under those of the output layers. The batch size is
    free.

    Args:
        model: A built Functional or Sequential `keras.Model`; for a trainer
            of this package pass its `.model`.
        folder: Base folder of the served model, made if it does not exist.

    Returns:
        The `pathlib.Path` of the new version.

    Raises:
        ValueError: If the model is no plain, built model.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kt.export.save(model, folder).name
    '1'
    """
    inputs = getattr(model, "inputs", None)
    if not isinstance(model, keras.Model) or not inputs:
        raise invalid_argument(
            "model",
            model,
            "a built Functional or Sequential keras.Model",
            "Of a trainer, export trainer.model.",
        )
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    hidden = pathlib.Path(tempfile.mkdtemp(prefix=".partial_", dir=folder))
    try:
        _write(model, hidden / "version")
        version = folder / str(_last_version(folder) + 1)
        _make_readable(hidden / "version")
        (hidden / "version").rename(version)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return version


def _write(model, path):
    if isinstance(model, keras.Sequential):
        # The same layers, with a name for each input and output.
        model = keras.Model(model.inputs[0], model.outputs[0])
    names = _input_names(model)
    if len(set(model.output_names)) < len(model.output_names):
        raise ValueError(
            "The outputs of an exported model need different names. Received: "
            f"{model.output_names}; end each in a layer of its own."
        )

    def predict(**tensors):
        flat = [tensors[name] for name in names]
        inputs = keras.tree.pack_sequence_as(model.input, flat)
        outputs = keras.tree.flatten(model(inputs, training=False))
        return dict(zip(model.output_names, outputs, strict=True))

    function = tf.function(predict)
    function.get_concrete_function(
        **{
            name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for name, tensor in zip(names, model.inputs, strict=True)
        }
    )
    archive = keras.export.ExportArchive()
    archive.track(model)
    for endpoint in ("predict", "serving_default"):
        archive.add_endpoint(endpoint, function)
    archive.write_out(str(path), verbose=False)


def _input_names(model):
    names = [tensor.name for tensor in model.inputs]
    if len(names) == 1 and names[0].startswith("keras_tensor"):
        return ["inputs"]  # a counter of this process is no name to serve
    return names


def _last_version(folder):
    names = (path.name for path in folder.iterdir())
    return max((int(name) for name in names if name.isdigit()), default=0)


def _make_readable(version):
    """A server often runs under another user."""
    version.chmod(0o755)
    for path in version.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
