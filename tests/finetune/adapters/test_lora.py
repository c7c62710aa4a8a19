"""LoRA: its scale, and that it learns where little changes."""

import numpy as np

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from tests.finetune.adapters import models


def test_scale():
    assert LoRA(rank=4, alpha=6).scale == 1.5


def test_alpha_scales_the_change():
    x = models.rows(4, 5)
    base = models.dense()
    changes = []
    for alpha in (2, 6):
        adapter = LoRA(rank=2, alpha=alpha, target="head")
        model = add_adapters(base, adapter)
        models.shake(model, 1.0)
        changes.append(models.outputs(model, x) - models.outputs(base, x))
    np.testing.assert_allclose(3 * changes[0], changes[1], atol=1e-5)
    assert np.abs(changes[0]).max() > 0.05


def test_it_learns_a_change_of_low_rank():
    base = models.dense()
    teacher = add_adapters(base, LoRA(rank=1))
    models.shake(teacher, 0.5)
    x = models.rows(64, 5)
    y = models.outputs(teacher, x)
    student = add_adapters(base, LoRA(rank=1))
    student.compile("adam", "mse")
    student.optimizer.learning_rate = 0.05
    before = student.evaluate(x, y, verbose=0)
    many = [np.tile(rows, (120, 1)) for rows in (x, y)]
    student.fit(*many, batch_size=64, shuffle=False, verbose=0)
    assert student.evaluate(x, y, verbose=0) < 0.2 * before
