import pathlib

import tensorflow as tf

from keras_transfer.callbacks.event_files import EventFiles


def _read(folder):
    """`{part: [(tag, step, value)]}`, as TensorBoard's own files hold it."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*tfevents*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                kind = value.metadata.plugin_data.plugin_name
                assert kind == "scalars"
                number = float(tf.make_ndarray(value.tensor))
                entry = (value.tag, event.step, round(number, 6))
                found.setdefault(path.parent.name, []).append(entry)
    return found


def test_names_are_those_of_keras_own_callback(tmp_path):
    events = EventFiles(tmp_path / "tensorboard")
    events.add({"epoch": 0, "loss": 0.5, "val_loss": 0.75})
    events.add({"epoch": 1, "loss": 0.25, "val_loss": 0.5})
    events.close()
    assert _read(tmp_path) == {
        "train": [("epoch_loss", 0, 0.5), ("epoch_loss", 1, 0.25)],
        "validation": [("epoch_loss", 0, 0.75), ("epoch_loss", 1, 0.5)],
    }


def test_a_continued_run_has_each_epoch_once(tmp_path):
    first = EventFiles(tmp_path)
    for epoch in range(3):
        first.add({"epoch": epoch, "loss": float(epoch)})
    first.close()
    second = EventFiles(tmp_path, [{"epoch": 0, "loss": 0.0}])
    second.add({"epoch": 1, "loss": 9.0})
    second.close()
    expected = [("epoch_loss", 0, 0.0), ("epoch_loss", 1, 9.0)]
    assert _read(tmp_path) == {"train": expected}


def test_what_was_added_can_be_read_before_the_end(tmp_path):
    events = EventFiles(tmp_path)
    events.add({"epoch": 0, "loss": 0.5})
    assert _read(tmp_path) == {"train": [("epoch_loss", 0, 0.5)]}
    events.close()
