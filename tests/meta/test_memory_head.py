"""The head of an adapted memory-augmented network."""

import keras
import numpy as np
import pytest

from keras_transfer.layers.memory_cell import LeastRecentlyUsedMemoryCell
from keras_transfer.meta.memory_head import MemoryHead

FEATURES, WAYS, CLASSES = 3, 4, 2


@pytest.fixture
def head(generator):
    cell = LeastRecentlyUsedMemoryCell(5, num_slots=6, slot_width=4)
    head = MemoryHead(cell, keras.layers.Dense(WAYS), WAYS, CLASSES)
    head.build((None, FEATURES))
    inputs = generator.normal(size=(1, FEATURES + WAYS)).astype("float32")
    _, states = cell(inputs, cell.get_initial_state(1))
    head.remember(np.eye(WAYS)[[3]], states)
    return head


def test_each_row_is_the_next_step(head, generator):
    rows = generator.normal(size=(5, FEATURES)).astype("float32")
    found = head(rows)
    assert found.shape == head.compute_output_shape(rows.shape)
    _, *states = head.non_trainable_variables
    for row, logits in zip(rows, found, strict=True):
        inputs = np.concatenate([row, np.eye(WAYS)[3]])[None].astype("float32")
        output, _ = head.cell(inputs, [state.value for state in states])
        expected = head.classifier(output)[0, :CLASSES]
        np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_file(head, generator, tmp_path):
    rows = generator.normal(size=(5, FEATURES)).astype("float32")
    inputs = keras.Input((FEATURES,))
    model = keras.Model(inputs, head(inputs))
    assert model.output.dtype == "float32"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(rows), model(rows))
