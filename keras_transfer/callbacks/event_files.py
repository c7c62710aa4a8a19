"""Metrics as TensorBoard reads them."""

import contextlib
import pathlib
import shutil

import tensorflow as tf

_VALIDATION = "val_"
_SCALARS = "scalars"


class EventFiles:
    """Writes figures of epochs under the names Keras gives them.

    As with `keras.callbacks.TensorBoard`, training and validation are two
    folders, `train` and `validation`, and a metric's tag is `epoch_loss`.
    The files are made by TensorFlow alone: the package tensorboard, which
    TensorFlow no longer installs, is only needed to look at them. They are
    logs that grow; a reader passes over a last record that was cut.

    Args:
        folder: Where they go; what it held is removed.
        rows: List of dicts of the epochs so far.
    """

    def __init__(self, folder, rows=()):
        self._folder = pathlib.Path(folder)
        self._writers = {}
        shutil.rmtree(self._folder, ignore_errors=True)
        for row in rows:
            self._write(row)
        self._flush()

    def add(self, row):
        """Appends an epoch: a dict with `epoch` and its metrics."""
        self._write(row)
        self._flush()

    def close(self):
        """Ends the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _write(self, row):
        for name, value in row.items():
            if name == "epoch":
                continue
            part = "validation" if name.startswith(_VALIDATION) else "train"
            # Eagerly, whatever function or strategy is around.
            with tf.init_scope(), self._writer(part).as_default():
                tf.summary.write(
                    f"epoch_{name.removeprefix(_VALIDATION)}",
                    tf.constant(value, "float32"),
                    step=row["epoch"],
                    metadata=_metadata(),
                )

    def _writer(self, part):
        if part not in self._writers:
            path = str(self._folder / part)
            self._writers[part] = tf.summary.create_file_writer(path)
        return self._writers[part]

    def _flush(self):
        for writer in self._writers.values():
            with contextlib.suppress(tf.errors.OpError):
                writer.flush()


def _metadata():
    """Says that a tensor is a point of a curve."""
    kind = tf.compat.v1.SummaryMetadata
    return kind(plugin_data=kind.PluginData(plugin_name=_SCALARS))
